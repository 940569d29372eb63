"""What the single sources' answers come to: tags of actions, images' names, Trivy's sums, versions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.cli.lock import GROUPS, parse_groups
from seatrial.errors import ConfigError, NetworkError, UntrustedInput
from seatrial.host.exchange import Answer
from seatrial.host.registry_access import endpoints, parse_repository
from seatrial.renew.actions import parse_tags, propose_action, repository_of
from seatrial.renew.asking import Task, ask_all
from seatrial.renew.bases import base_proposal
from seatrial.renew.cooldown import CoolDown, parse_time
from seatrial.renew.found import Group
from seatrial.renew.images import propose_docker, propose_static
from seatrial.renew.references import split_reference
from seatrial.renew.trivy import propose_trivy
from seatrial.renew.versions import go_name, go_numbers, order_key, release_numbers

OLD, NEW, OTHER = "1" * 40, "2" * 40, "3" * 40
NOW = datetime(2026, 11, 28, tzinfo=UTC)


def test_groups_of_the_option_are_those_of_the_pins() -> None:
    assert tuple(group.value for group in Group) == GROUPS
    assert parse_groups("") == GROUPS
    assert parse_groups(" tools, base ") == ("tools", "base")
    with pytest.raises(ConfigError) as caught:
        parse_groups("action")
    assert caught.value.hint == "did you mean 'actions'?"


def test_peeled_commit_of_an_annotated_tag_is_taken() -> None:
    text = f"{OTHER}\trefs/tags/v2.0.0\n{NEW}\trefs/tags/v2.0.0^{{}}\n{OLD}\trefs/tags/v1.0.0\n"
    assert parse_tags(text) == {"v2.0.0": NEW, "v1.0.0": OLD}
    with pytest.raises(UntrustedInput):
        parse_tags("<html>")


def test_newest_release_and_a_new_major_is_said() -> None:
    tags = {"v1.0.0": OLD, "v2.0.0": NEW, "v2": NEW, "v3.0.0-rc.1": OTHER, "codeql-bundle-v9.0.0": OTHER}
    found = propose_action("o/a/sub", f"{OLD} v1.0.0", tags)
    assert found.after == f"{NEW} v2.0.0"
    assert "a new major one, v1 to v2" in found.why
    assert repository_of("o/a/sub") == "o/a"


def test_release_whose_tag_moved_is_held_even_for_a_newer_one() -> None:
    """As when an action was taken over, and all of its tags were made to name one commit."""
    found = propose_action("o/a", f"{OLD} v1.0.0", {"v1.0.0": OTHER, "v1.0.1": OTHER})
    assert not found.has_moved
    assert "v1.0.0 names another commit now, 333333333333" in found.held_by


def test_wrong_label_of_a_known_commit_is_corrected() -> None:
    found = propose_action("o/a", f"{NEW} v1", {"v1.0.0": OLD, "v2.0.0": NEW})
    assert found.after == f"{NEW} v2.0.0"
    assert "that of v2.0.0" in found.why


def test_label_newer_than_every_release_does_not_move_backwards() -> None:
    found = propose_action("o/a", f"{OTHER} v9.0.0", {"v1.0.0": OLD})
    assert not found.has_moved
    assert "v9.0.0 is not there" in found.held_by
    assert "no release tag" in propose_action("o/a", f"{OTHER} v9.0.0", {"main": OLD}).held_by


def test_static_moves_to_the_debian_that_is_supported() -> None:
    known = {
        "gcr.io/d/static-debian13": "sha256:" + "b" * 64,
        "gcr.io/d/static-debian12": "sha256:" + "c" * 64,
    }
    pinned = "gcr.io/d/static-debian12:nonroot@sha256:" + "a" * 64
    found = propose_static(pinned, lambda name, _: known.get(name), now=NOW, asked_base="debian-13")
    assert found.after == "gcr.io/d/static-debian13:nonroot@" + known["gcr.io/d/static-debian13"]
    assert found.why == "Debian 12's support ended 2026-07-11"
    asked = propose_static(pinned, lambda name, _: known.get(name), now=NOW, asked_base="debian-12")
    assert asked.after == "gcr.io/d/static-debian12:nonroot@" + known["gcr.io/d/static-debian12"]
    assert 'image = "debian-12" asks for it' in asked.held_by
    early = propose_static(
        pinned, lambda name, _: known.get(name), now=datetime(2026, 1, 1, tzinfo=UTC), asked_base=""
    )
    assert "debian12:" in early.after
    del known["gcr.io/d/static-debian13"]
    late = propose_static(pinned, lambda name, _: known.get(name), now=NOW, asked_base="")
    assert "debian12:" in late.after
    assert "gcr.io/d/static-debian13:nonroot is not there" in late.held_by


def test_docker_moves_when_both_of_its_images_are_there() -> None:
    pins = {name: f"docker:29.7.2-{name[7:]}@sha256:{'a' * 64}" for name in ("docker-cli", "docker-dind")}
    tags = (
        "29.7.2-cli",
        "29.7.2-dind",
        "30.0.1-cli",
        "30.0.0-cli",
        "30.0.0-dind",
        "31.0.0-rc.1-cli",
        "latest",
    )
    found = list(propose_docker(pins, lambda _name, _tag: "sha256:" + "b" * 64, lambda _: tags))
    assert [one.after.partition("@")[0] for one in found] == ["docker:30.0.0-cli", "docker:30.0.0-dind"]
    assert "a new major one, 29.7.2 to 30.0.0" in found[0].why
    unlisted = list(propose_docker(pins, lambda _name, _tag: "sha256:" + "b" * 64, lambda _: None))
    assert unlisted[0].after.startswith("docker:29.7.2-cli@sha256:b")
    assert unlisted[0].held_by == "the registry does not list its tags"


def test_images_that_are_too_young_wait() -> None:
    cool_down = CoolDown(days=3, now=NOW)
    ages = {"b": timedelta(days=1), "c": timedelta(days=4), "d": timedelta(days=3)}

    def created(_name: str, digest: str) -> datetime | None:
        age = ages.get(digest[-1])
        return NOW - age if age else None

    digests = {"d/static-debian13": "sha256:b", "d/static-debian12": "sha256:c"}
    pinned = "d/static-debian12:nonroot@sha256:" + "a" * 64
    found = propose_static(
        pinned,
        lambda name, _: digests[name],
        now=NOW,
        asked_base="",
        created=created,
        cool_down=cool_down,
    )
    assert found.after == "d/static-debian12:nonroot@sha256:c"
    assert found.held_by == "d/static-debian13:nonroot is 24 hours old (--min-release-age 3)"
    pins = {name: f"docker:29.7.2-{name[7:]}@sha256:{'a' * 64}" for name in ("docker-cli", "docker-dind")}
    tags = ("29.7.2-cli", "29.7.2-dind", "29.8.0-cli", "29.8.0-dind", "30.0.0-cli", "30.0.0-dind")
    by_tag = {"30.0.0-cli": "sha256:d", "30.0.0-dind": "sha256:b"}
    docker = propose_docker(
        pins, lambda _, tag: by_tag.get(tag, "sha256:e"), lambda _: tags, created=created, cool_down=cool_down
    )
    assert [one.after for one in docker] == ["docker:29.8.0-cli@sha256:e", "docker:29.8.0-dind@sha256:e"]
    assert docker[0].held_by == "docker:30.0.0-dind is 24 hours old (--min-release-age 3)"
    assert docker[0].why == "the newest release; how long it has been out is not known"


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("2026-08-18T21:44:21Z", 2026),
        ("2026-08-18T21:44:21.123456789+02:00", 2026),
        ("1970-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00Z", None),
        ("", None),
        ("yesterday", None),
    ],
)
def test_time_that_stands_for_none_is_none(text: str, year: int | None) -> None:
    found = parse_time(text)
    assert (found.year if found else None) == year


def test_trivy_waits_and_takes_the_release_before() -> None:
    line = b"b" * 64 + b"  trivy_0.75.0_Linux-64bit.tar.gz\n"
    waits = {"v0.76.0": "v0.76.0 is 2 days old (--min-release-age 3)"}
    found = propose_trivy(
        TRIVY,
        ("v0.74.0", "v0.75.0", "v0.76.0"),
        lambda url: Answer(url=url, status=200, headers={}, body=line),
        host="https://github.com",
        waits=waits,
    )
    assert (found[0].after, found[0].held_by) == ("v0.75.0", waits["v0.76.0"])
    assert found[0].why == "the newest release that is old enough"


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("golang:1.26@sha256:x", ("golang", "1.26", "sha256:x")),
        ("localhost:5000/golang@sha256:x", ("localhost:5000/golang", "", "sha256:x")),
        ("localhost:5000/golang:1", ("localhost:5000/golang", "1", "")),
        ("golang", ("golang", "", "")),
    ],
)
def test_reference_is_taken_apart(reference: str, parts: tuple[str, str, str]) -> None:
    assert split_reference(reference) == parts


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("golang", "https://registry-1.docker.io/v2/library/golang"),
        ("docker.io/o/n", "https://registry-1.docker.io/v2/o/n"),
        ("gcr.io/distroless/static-debian13", "https://gcr.io/v2/distroless/static-debian13"),
        ("localhost:5000/n", "http://localhost:5000/v2/n"),
        ("127.0.0.1:5000/n", "http://127.0.0.1:5000/v2/n"),
        ("localhost.example.com/n", "https://localhost.example.com/v2/n"),
        ("ghcr.io/o/n", "https://mirror.example.com/v2/ghcr/o/n"),
    ],
)
def test_api_of_a_name(name: str, url: str) -> None:
    mirrors = {"SEATRIAL_REGISTRY_MIRRORS": "ghcr.io=https://mirror.example.com/ghcr"}
    assert endpoints(parse_repository(name), mirrors) == url


def test_what_is_no_name_or_no_mirror_is_refused() -> None:
    with pytest.raises(ConfigError, match="not an image's name"):
        parse_repository("gcr.io/../x")
    with pytest.raises(ConfigError, match="REGISTRY=URL"):
        endpoints(parse_repository("golang"), {"SEATRIAL_REGISTRY_MIRRORS": "docker.io=ftp://x"})


TRIVY = {"trivy": "v0.74.0", "trivy-linux-amd64-sha256": "a" * 64}


def trivy(known: dict[str, bytes | int], versions: tuple[str, ...]) -> dict[str, tuple[str, str]]:
    def ask(url: str) -> Answer:
        found = known.get(url.rpartition("/")[2], 404)
        if found == 0:
            raise NetworkError("no answer: refused", where=url)
        status, body = (found, b"") if isinstance(found, int) else (200, found)
        return Answer(url=url, status=status, headers={}, body=body)

    found = propose_trivy(TRIVY, versions, ask, host="https://github.com")
    return {one.name: (one.after, one.held_by) for one in found}


def test_trivy_moves_with_the_sum_of_its_archive() -> None:
    line = b"b" * 64 + b"  trivy_0.75.0_Linux-64bit.tar.gz\n"
    other = b"c" * 64 + b"  trivy_0.75.0_Linux-64bit.tar.gz.sigstore.json\n"
    found = trivy({"trivy_0.75.0_checksums.txt": other + line}, ("v0.74.0", "v0.75.0", "v0.76.0"))
    assert found["tools.trivy"] == ("v0.75.0", "v0.76.0 has no checksums file")
    assert found["tools.trivy-linux-amd64-sha256"][0] == "b" * 64


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (0, "no answer: refused"),
        (500, "HTTP 500"),
        (429, "too many requests"),
        (b"<html>sign in</html>", "do not name trivy_0.75.0_Linux-64bit.tar.gz"),
    ],
)
def test_trivy_without_its_sum_stays_and_that_is_told(answer: bytes | int, words: str) -> None:
    found = trivy({"trivy_0.75.0_checksums.txt": answer}, ("v0.75.0",))
    assert found["tools.trivy"][0] == "v0.74.0"
    assert words in found["tools.trivy"][1]
    assert found["tools.trivy-linux-amd64-sha256"][0] == "a" * 64


def test_base_with_the_same_packages_stays() -> None:
    def base(date: str, version: str) -> dict[str, object]:
        return {"release_date": date, "packages": [{"name": "libc6", "version": version}]}

    assert not base_proposal("b", base("1", "2.41"), base("2", "2.41")).has_moved
    moved = base_proposal("b", base("1", "2.41"), base("2", "2.42"))
    assert (moved.before, moved.after, moved.why) == ("1", "2", "libc6 2.41 to 2.42")


def test_all_failures_are_told_with_hosts_and_pins() -> None:
    def fail(text: str) -> tuple[()]:
        raise NetworkError(text)

    tasks = [
        Task(host="a.example", pins=("x", "y"), groups=(Group.IMAGES,), work=lambda: fail("refused")),
        Task(host="b.example", pins=("z",), groups=(Group.ACTIONS,), work=lambda: fail("timed out")),
        Task(host="c.example", pins=("w",), groups=(Group.TOOLS,), work=lambda: ()),
    ]
    with pytest.raises(NetworkError) as caught:
        ask_all(tasks)
    assert "a.example (x, y): refused" in caught.value.what
    assert "b.example (z): timed out" in caught.value.what
    assert caught.value.hint == "without them: --only tools"
    assert ask_all(tasks[2:]) == ((),)


def test_one_host_that_does_not_answer_is_told_once() -> None:
    def fail(name: str) -> tuple[()]:
        raise NetworkError(f"unable to access 'https://h.example/{name}/': no such host", where="git")

    tasks = [
        Task(host="h.example", pins=("x",), groups=(Group.ACTIONS,), work=lambda: fail("x")),
        Task(host="h.example", pins=("y",), groups=(Group.ACTIONS,), work=lambda: fail("y")),
    ]
    with pytest.raises(NetworkError) as caught:
        ask_all(tasks)
    assert caught.value.what.count("no such host") == 1
    assert "h.example (x, y)" in caught.value.what


def test_failure_that_is_no_network_keeps_its_kind() -> None:
    def fail() -> None:
        raise ConfigError("not so", where="seatrial.lock")

    with pytest.raises(ConfigError, match="not so"):
        ask_all([Task(host="h", pins=("p",), groups=(Group.IMAGES,), work=fail)])


# semver 2.0.0, section 11.
PRECEDENCE = (
    "v1.0.0-alpha",
    "v1.0.0-alpha.1",
    "v1.0.0-alpha.beta",
    "v1.0.0-beta",
    "v1.0.0-beta.2",
    "v1.0.0-beta.11",
    "v1.0.0-rc.1",
    "v1.0.0",
    "v1.0.10",
    "v1.9.0",
    "v1.10.0",
)


def test_versions_are_ordered_as_semver_has_it() -> None:
    assert sorted(PRECEDENCE, key=order_key, reverse=True) == list(reversed(PRECEDENCE))
    assert release_numbers("v1.0.0-rc.1") is None
    assert order_key("nonsense") < order_key("v0.0.0-0")


@given(st.integers(1, 3), st.integers(21, 99), st.integers(0, 99))
def test_go_names_are_read_back(major: int, minor: int, patch: int) -> None:
    assert go_numbers(go_name((major, minor, patch))) == (major, minor, patch)


@given(st.text(max_size=30))
def test_no_text_breaks_the_readers(text: str) -> None:
    order_key(text)
    go_numbers(text)
    split_reference(text)
