"""Each rule about an image at rest: passes on the good facts, and fails on the one changed fact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from facts import ELF, EXPECTED, GO, STATIC, path, settings
from seatrial.checks import (
    binary_go,
    binary_hardening,
    image_base,
    image_entrypoint,
    image_files,
    image_healthcheck,
    image_layers,
    image_leftovers,
    image_platform,
    image_program,
    image_secrets,
    image_settings,
)
from seatrial.checks.support_dates import distribution_end, go_end
from seatrial.model.facts import PathFact, SecretFact, StaticFacts
from seatrial.model.verdict import Expectations, Severity, State, Verdict
from seatrial.verify import STATIC_CHECKS

StaticCheck = Callable[[StaticFacts, Expectations], Verdict]
# What is expected of an image that nobody promised anything of.
STRANGER = Expectations(user="", is_static=False, has_healthcheck=False, is_run=False, today="2026-11-24")
HEALTH = {"Test": ["CMD", "/server"], "StartPeriod": 10**10, "Interval": 10**10, "Timeout": 5 * 10**9}


def configured(**changes: object) -> StaticFacts:
    return replace(STATIC, config=settings(**changes))


def described(**changes: object) -> StaticFacts:
    return replace(STATIC, config={**STATIC.config, **changes})


def holding(*more: PathFact) -> StaticFacts:
    return replace(STATIC, paths=(*STATIC.paths, *more))


def leaking(kind: str, *, layer: int = 0, is_hidden: bool = False, place: str = "a") -> StaticFacts:
    return replace(STATIC, secrets=(SecretFact(path=place, kind=kind, layer=layer, is_hidden=is_hidden),))


def distribution(name: str, version: str) -> StaticFacts:
    return replace(STATIC, os_release=(("ID", name), ("VERSION_ID", version)))


def link(name: str, target: str) -> PathFact:
    return replace(path(name, "symlink", 0o777), link_target=target)


DYNAMIC = replace(ELF, interpreter="/lib64/ld-linux-x86-64.so.2", needed=("libc.so.6",), relro="full")
SERVER = STATIC.paths[0]
HISTORY = [{"created_by": "one"}, {"created_by": "two"}, {"created_by": "three"}]


@pytest.mark.parametrize(
    ("check", "facts"),
    [
        (image_secrets.check_no_secrets, leaking("private key")),
        (image_secrets.check_no_secrets, leaking("private key", is_hidden=True)),
        (image_secrets.check_no_secrets, leaking("secret setting", layer=-1, place="Env DB_PASSWORD")),
        (image_secrets.check_no_version_control, leaking("git repository", place="app/.git")),
        (image_secrets.check_no_version_control, holding(path("app/.svn", "directory", 0o755))),
        (image_secrets.check_no_version_control, holding(path("app/.git/objects/pack/pack-1.pack"))),
        (image_files.check_no_file_capabilities, holding(replace(path("bin/ping"), capabilities="01000002"))),
        (image_base.check, distribution("debian", "11")),
        (image_base.check, distribution("alpine", "3.18.4")),
        (image_base.check, distribution("ubuntu", "20.04")),
        (image_platform.check, replace(STATIC, elf=replace(ELF, machine="arm64"))),
        (image_platform.check, replace(STATIC, platform="linux/arm64")),
        (image_platform.check, replace(described(variant="v8"), platform="linux/amd64/v7")),
        (image_platform.check, described(architecture="")),
        (image_platform.check, replace(described(os="windows"), platform="")),
        (image_program.check_not_writable, replace(STATIC, paths=(replace(SERVER, uid=65532),))),
        (image_program.check_not_writable, replace(STATIC, paths=(replace(SERVER, mode=0o757),))),
        (image_program.check_not_writable, replace(STATIC, paths=(replace(SERVER, gid=65532, mode=0o775),))),
        (image_program.check_not_writable, configured(User="")),
        (
            image_program.check_not_writable,
            replace(holding(path("app", "directory", 0o777), path("app/run")), executable="/app/run"),
        ),
        (
            image_program.check_not_writable,
            replace(
                configured(Entrypoint=["/home/app/start"]),
                paths=(*STATIC.paths, path("home/app", "directory", 0o755, uid=65532)),
            ),
        ),
        (image_program.check_user_exists, replace(STATIC, users=(("root", 0),))),
        (image_settings.check_ports, configured(ExposedPorts={"http": {}})),
        (image_settings.check_ports, configured(ExposedPorts={"70000/tcp": {}})),
        (image_settings.check_ports, configured(ExposedPorts={"22/tcp": {}})),
        (image_settings.check_ports, configured(ExposedPorts={"20-25/tcp": {}})),
        (image_settings.check_ports, configured(ExposedPorts={"0-25/tcp": {}})),
        (image_settings.check_stop_signal, configured(StopSignal="SIGKILL")),
        (image_settings.check_stop_signal, configured(StopSignal="19")),
        (image_settings.check_stop_signal, configured(StopSignal="009")),
        (image_settings.check_stop_signal, configured(StopSignal="SIGNOTHING")),
        (image_settings.check_env, configured(Env=["A"])),
        (image_settings.check_env, configured(Env=["A=1", "A=2"])),
        (image_settings.check_env, configured(Env=["PATH=/bin::/sbin"])),
        (image_settings.check_env, configured(Env=["PATH=/bin:."])),
        (image_settings.check_env, configured(Env=["LD_PRELOAD=/tmp/x.so"])),
        (image_settings.check_env, configured(Env=["NODE_TLS_REJECT_UNAUTHORIZED=0"])),
        (
            image_settings.check_env,
            replace(configured(Env=["PATH=/open"]), paths=(path("open", "directory", 0o777),)),
        ),
        (image_settings.check_labels, replace(STATIC, annotations=())),
        (image_layers.check_layers, described(history=HISTORY)),
        (image_layers.check_layers, replace(STATIC, oddities=("layer 1: 'x' is removed",))),
        (image_layers.check_layers, replace(described(history=None), layer_sizes_bytes=(1,) * 128)),
        (image_layers.check_links, holding(link("etc/passwd", "../../etc/passwd"))),
        (image_layers.check_links, replace(holding(link("server", "/gone")), executable="")),
        (image_layers.check_timestamps, described(created="2031-01-01T00:00:00Z")),
        (image_layers.check_timestamps, holding(replace(path("a"), mtime_epoch_s=4_000_000_000))),
        (image_leftovers.check_no_package_manager, holding(path("usr/bin/apt-get", mode=0o755))),
        (image_leftovers.check_no_package_manager, holding(path("sbin/apk", "symlink", 0o777))),
        (image_leftovers.check_no_build_leftovers, holding(path("app/Dockerfile"))),
        (image_leftovers.check_no_build_leftovers, holding(path("src/go.mod"))),
        (image_leftovers.check_no_build_leftovers, holding(path("src/a_test.go"))),
        (image_leftovers.check_no_build_leftovers, holding(path("app/testdata", "directory", 0o755))),
        (image_leftovers.check_no_build_leftovers, holding(path("usr/local/go/bin/go", mode=0o755))),
        (
            image_leftovers.check_no_build_leftovers,
            holding(path("usr/bin/x86_64-linux-gnu-gcc-14", mode=0o755)),
        ),
        (image_leftovers.check_no_build_leftovers, holding(path("root/.cache/go-build/ab/cd"))),
        (image_leftovers.check_no_build_leftovers, holding(path("var/lib/apt/lists/deb_Packages.lz4"))),
        (image_healthcheck.check, replace(STATIC, health_program="")),
        (image_healthcheck.check, configured(Healthcheck={**HEALTH, "Test": ["/server"]})),
        (
            image_healthcheck.check,
            configured(Healthcheck={**HEALTH, "Test": ["CMD-SHELL", "curl localhost"]}),
        ),
        (image_healthcheck.check, configured(Healthcheck={**HEALTH, "StartPeriod": 0})),
        (image_healthcheck.check, configured(Healthcheck={**HEALTH, "StartPeriod": 7200 * 10**9})),
        (image_healthcheck.check, configured(Healthcheck={**HEALTH, "Retries": 1000})),
        (image_healthcheck.check, configured(Healthcheck={**HEALTH, "Interval": 3600 * 10**9})),
        (image_healthcheck.check, configured(Healthcheck={**HEALTH, "Interval": 10**6})),
        (image_healthcheck.check, configured(Healthcheck={**HEALTH, "Timeout": 60 * 10**9})),
        (image_entrypoint.check, replace(STATIC, script_interpreter="/bin/sh -e")),
        (image_entrypoint.check, replace(STATIC, script_interpreter="/usr/bin/env bash")),
        (binary_hardening.check_loader, replace(STATIC, elf=DYNAMIC, has_interpreter=False)),
        (binary_hardening.check_stack, replace(STATIC, elf=replace(ELF, has_executable_stack=True))),
        (binary_hardening.check_relro, replace(STATIC, elf=replace(DYNAMIC, relro="none"))),
        (binary_hardening.check_relro, replace(STATIC, elf=replace(DYNAMIC, relro="partial"))),
        (binary_hardening.check_pie, replace(STATIC, elf=replace(ELF, is_pie=False))),
        (binary_go.check_no_local_paths, replace(STATIC, go=replace(GO, local_path="/home/me/a.go"))),
        (binary_go.check_go_supported, replace(STATIC, go=replace(GO, go_version="go1.24.9"))),
    ],
)
def test_rule_passes_until_its_fact_changes(check: StaticCheck, facts: StaticFacts) -> None:
    assert check(STATIC, EXPECTED).state is State.PASS
    verdict = check(facts, EXPECTED)
    assert verdict.state is State.FAIL
    assert verdict.reason
    assert verdict.fix


@pytest.mark.parametrize(
    ("check", "facts"),
    [
        (image_base.check, distribution("debian", "12")),  # long-term support
        (image_base.check, replace(STATIC, os_release=())),
        (image_platform.check, replace(STATIC, elf=None)),
        (image_platform.check, replace(described(variant="v3"), platform="linux/amd64")),
        (image_program.check_not_writable, replace(holding(path("tmp/run", uid=0)), executable="/tmp/run")),
        (image_program.check_not_writable, replace(configured(User="nonroot:nonroot"))),
        (
            image_settings.check_ports,
            configured(ExposedPorts={"8080/tcp": {}, "9000-9010/udp": {}, "53": {}}),
        ),
        (image_settings.check_stop_signal, configured(StopSignal="SIGRTMIN+3")),
        (image_settings.check_stop_signal, configured(StopSignal="quit")),
        (image_settings.check_env, configured(Env=["PATH=/usr/bin:/bin", "GODEBUG=madvdontneed=1"])),
        (image_layers.check_layers, described(history=None)),
        (image_layers.check_layers, described(history=[*HISTORY[:2], {"empty_layer": True}])),
        (image_layers.check_links, holding(link("usr/lib/a", "../../lib/b"), link("bin", "usr/bin"))),
        (image_leftovers.check_no_package_manager, holding(path("usr/share/doc/apt", "directory", 0o755))),
        (image_leftovers.check_no_package_manager, holding(path("etc/default/apt", mode=0o755))),
        (image_leftovers.check_no_build_leftovers, holding(path("app/site-packages/a/Dockerfile"))),
        (image_healthcheck.check, configured(Healthcheck=HEALTH)),
        (
            image_healthcheck.check,
            replace(
                configured(Healthcheck={**HEALTH, "Test": ["CMD-SHELL", "true"]}),
                paths=(path("bin/sh", mode=0o755),),
            ),
        ),
        (image_entrypoint.check, replace(STATIC, script_interpreter="/usr/bin/python3")),
        (binary_hardening.check_loader, replace(STATIC, elf=DYNAMIC, has_interpreter=True)),
        (binary_hardening.check_relro, replace(STATIC, elf=DYNAMIC)),
    ],
)
def test_what_is_well_passes(check: StaticCheck, facts: StaticFacts) -> None:
    assert check(facts, EXPECTED).state is State.PASS


def test_good_facts_pass_every_rule() -> None:
    assert {check(STATIC, EXPECTED).state for check in STATIC_CHECKS} == {State.PASS}


@pytest.mark.parametrize(
    "check", [image_base.check, image_layers.check_timestamps, binary_go.check_go_supported]
)
def test_without_a_date_nobody_is_judged_by_one(check: StaticCheck) -> None:
    verdict = check(STATIC, replace(EXPECTED, today=""))
    assert (verdict.state, verdict.severity) == (State.UNKNOWN, Severity.INFO)


def test_unknown_distribution_is_unknown_and_does_not_block() -> None:
    verdict = image_base.check(distribution("wolfi", "20230201"), EXPECTED)
    assert (verdict.state, verdict.is_blocking) == (State.UNKNOWN, False)


PYTHON = replace(
    STATIC,
    config=settings(Entrypoint=["/app/run.py"], User="1000", Healthcheck=None),
    paths=(path("app/run.py", mode=0o755),),
    executable="/app/run.py",
    elf=None,
    go=None,
    script_interpreter="/usr/bin/python3",
    has_interpreter=True,
    users=(("app", 1000),),
    health_program="",
)


@pytest.mark.parametrize(
    "facts",
    [
        PYTHON,
        replace(
            STATIC, elf=replace(DYNAMIC, is_pie=False, has_symbol_table=True), go=None, has_interpreter=True
        ),
    ],
    ids=["script", "C program"],
)
def test_a_stranger_is_not_held_to_what_only_go_services_promise(facts: StaticFacts) -> None:
    blocking = [verdict for check in STATIC_CHECKS if (verdict := check(facts, STRANGER)).is_blocking]
    assert blocking == []


def test_oddities_that_every_engine_takes_alike_are_only_told() -> None:
    verdict = image_layers.check_layers(
        replace(STATIC, oddities=("layer 1: '/a' begins at the root",)), EXPECTED
    )
    assert (verdict.state, verdict.is_blocking) == (State.FAIL, False)


def test_partial_relro_is_only_told() -> None:
    verdict = binary_hardening.check_relro(replace(STATIC, elf=replace(DYNAMIC, relro="partial")), EXPECTED)
    assert not verdict.is_blocking


def test_hidden_secret_says_in_which_layer_and_setting_says_where() -> None:
    facts = leaking("private key", layer=2, is_hidden=True, place="root/id")
    assert (
        "private key /root/id (layer 2, hidden by a higher one)"
        in image_secrets.check_no_secrets(facts, EXPECTED).reason
    )
    facts = leaking("secret setting", layer=-1, place="Env DB_PASSWORD")
    assert "secret setting in Env DB_PASSWORD" in image_secrets.check_no_secrets(facts, EXPECTED).reason


def test_support_dates() -> None:
    assert distribution_end("alpine", "3.22.1") == ("2027-05-01", "")
    assert distribution_end("debian", "13") == ("2028-08-09", "2030-06-30")
    assert distribution_end("debian", "") is None
    assert go_end("go1.22.0") == "2025-02-01"
    assert go_end("go1.25.4") == "2026-08-01"
    assert go_end("go1.26rc1") == "2027-02-01"
    assert go_end("devel go1.27-abc") is None
