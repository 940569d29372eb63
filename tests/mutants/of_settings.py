"""Mutants of what the image says of itself: user, command, health check, variables, platform, history."""

from __future__ import annotations

from collections.abc import Callable

from mutants.draft import Draft, a_file, rows, table
from mutants.mutant import Mutant

_NS_PER_S = 1_000_000_000
TOKEN = "ghp_" + "9aK3bQ7xT1mZ5cV8nR2wY6pL4sD0fGhJ1kUe"
_AWS = "AKIA" + "Q3ZT7NBW5KDXY2PL"


def setting(key: str, value: object) -> Callable[[Draft], object]:
    """Set one of the process settings; None removes it."""

    def apply(draft: Draft) -> None:
        if value is None:
            del draft.settings[key]
        else:
            draft.settings[key] = value

    return apply


def health(key: str, value: object) -> Callable[[Draft], object]:
    """Set one part of the health check; None removes it."""

    def apply(draft: Draft) -> None:
        if value is None:
            del draft.healthcheck[key]
        else:
            draft.healthcheck[key] = value

    return apply


def variable(name: str, value: str) -> Callable[[Draft], object]:
    """Set a variable of the image."""
    return lambda draft: draft.set_variable(name, value)


def _say(key: str, value: object) -> Callable[[Draft], object]:
    def apply(draft: Draft) -> None:
        draft.config[key] = value

    return apply


def _platform(architecture: str, system: str = "linux") -> Callable[[Draft], object]:
    def apply(draft: Draft) -> None:
        platform = {"architecture": architecture, "os": system}
        draft.at_index.append(
            lambda index: table(rows(index["manifests"])[0]).__setitem__("platform", platform)
        )

    return apply


def _created_by(words: str) -> Callable[[Draft], object]:
    return lambda draft: table(draft.history[-1]).__setitem__("created_by", words)


def _step(words: str) -> Callable[[Draft], object]:
    """Add a step that made no layer."""
    return lambda draft: draft.history.append(
        {"created": draft.config["created"], "created_by": words, "empty_layer": True}
    )


def _label(draft: Draft) -> None:
    table(draft.settings["Labels"])["com.example.registry-token"] = TOKEN


def _annotation(draft: Draft) -> None:
    draft.at_manifest.append(
        lambda manifest: table(manifest["annotations"]).__setitem__("com.example.registry", TOKEN)
    )


def _no_revision(draft: Draft) -> None:
    del draft.settings["Labels"]
    draft.at_manifest.append(lambda manifest: manifest.pop("annotations", None))


def _open_path(draft: Draft) -> None:
    draft.set_variable("PATH", "/usr/bin:/tmp/bin")
    member = a_file("tmp/bin", b"", 0o777)
    member[0].type = b"5"
    draft.add_layer(member)


USERS = (
    Mutant(name="no-user", change="no USER line", claims=("image.user",), apply=setting("User", None),
           also=("image.program-not-writable",)),
    Mutant(name="user-root", change="USER root", claims=("image.user",), apply=setting("User", "root"),
           also=("image.program-not-writable",)),
    Mutant(name="user-0", change="USER 0:0", claims=("image.user",), apply=setting("User", "0:0"),
           also=("image.program-not-writable",)),
    Mutant(name="user-00", change="USER 00, which is root as well", claims=("image.user",),
           apply=setting("User", "00"), also=("image.program-not-writable",)),
    Mutant(name="user-other-spelling", change='"user": "0" beside "User", which engines take for it',
           claims=("image.well-formed",), apply=setting("user", "0")),
    Mutant(name="user-by-name", change="USER nonroot", claims=("image.user",),
           apply=setting("User", "nonroot")),
    Mutant(name="user-other", change="USER 1000, which nobody promised", claims=("image.user",),
           apply=setting("User", "1000:1000")),
    Mutant(name="user-unknown", change="USER 65532 is not in /etc/passwd", claims=("image.user-exists",),
           apply=lambda draft: draft.add_layer(a_file("etc/passwd", b"root:x:0:0::/root:/sbin/nologin\n")),
           is_information=True),
)  # fmt: skip
COMMANDS = (
    Mutant(name="entrypoint-shell", change="ENTRYPOINT in shell form", claims=("image.entrypoint",),
           apply=setting("Entrypoint", ["/bin/sh", "-c", "/server"]),
           also=("binary.static", "binary.woven")),
    Mutant(name="entrypoint-none", change="no ENTRYPOINT", claims=("image.entrypoint",),
           apply=setting("Entrypoint", None),
           also=("binary.static", "binary.woven")),
    Mutant(name="entrypoint-missing", change="ENTRYPOINT names what is not there",
           claims=("image.entrypoint",), apply=setting("Entrypoint", ["/sever"]),
           also=("binary.static", "binary.woven")),
    Mutant(name="entrypoint-env-shell", change="ENTRYPOINT env sh -c /server", claims=("image.entrypoint",),
           apply=setting("Entrypoint", ["/usr/bin/env", "sh", "-c", "/server"]),
           also=("binary.static", "binary.woven")),
    Mutant(name="stop-kill", change="STOPSIGNAL SIGKILL", claims=("image.stop-signal",),
           apply=setting("StopSignal", "SIGKILL")),
    Mutant(name="stop-9", change="STOPSIGNAL 9", claims=("image.stop-signal",),
           apply=setting("StopSignal", "9")),
    Mutant(name="stop-09", change="STOPSIGNAL 09, which is 9", claims=("image.stop-signal",),
           apply=setting("StopSignal", "09")),
    Mutant(name="stop-typing-error", change="STOPSIGNAL SIGTREM", claims=("image.stop-signal",),
           apply=setting("StopSignal", "SIGTREM")),
    Mutant(name="port-ssh", change="EXPOSE 22", claims=("image.ports",),
           apply=setting("ExposedPorts", {"8080/tcp": {}, "22/tcp": {}})),
    Mutant(name="port-ssh-in-range", change="EXPOSE 20-25", claims=("image.ports",),
           apply=setting("ExposedPorts", {"8080/tcp": {}, "20-25/tcp": {}})),
    Mutant(name="port-impossible", change="EXPOSE 80800", claims=("image.ports",),
           apply=setting("ExposedPorts", {"80800/tcp": {}})),
)  # fmt: skip
HEALTH = (
    Mutant(name="health-none", change="no HEALTHCHECK", claims=("image.healthcheck",),
           apply=setting("Healthcheck", None)),
    Mutant(name="health-off", change="HEALTHCHECK NONE", claims=("image.healthcheck",),
           apply=setting("Healthcheck", {"Test": ["NONE"]})),
    Mutant(name="health-shell-form", change="HEALTHCHECK in shell form, with no shell there",
           claims=("image.healthcheck",), apply=health("Test", ["CMD-SHELL", "/server --health-check"])),
    Mutant(name="health-curl", change="HEALTHCHECK asks with curl, which is not there",
           claims=("image.healthcheck",), apply=health("Test", ["CMD", "curl", "-f", "http://localhost/"])),
    Mutant(name="health-no-start-period", change="no start period", claims=("image.healthcheck",),
           apply=health("StartPeriod", None)),
    Mutant(name="health-timeout-hour", change="a timeout of an hour", claims=("image.healthcheck",),
           apply=health("Timeout", 3600 * _NS_PER_S)),
    Mutant(name="health-rare", change="an interval of an hour", claims=("image.healthcheck",),
           apply=health("Interval", 3600 * _NS_PER_S)),
    Mutant(name="health-restless", change="an interval of 10 ms", claims=("image.healthcheck",),
           apply=health("Interval", _NS_PER_S // 100)),
    Mutant(name="health-patient", change="1000 retries", claims=("image.healthcheck",),
           apply=health("Retries", 1000)),
    Mutant(name="health-start-day", change="a start period of a day", claims=("image.healthcheck",),
           apply=health("StartPeriod", 86_400 * _NS_PER_S)),
)  # fmt: skip
VARIABLES = (
    Mutant(name="env-preload", change="LD_PRELOAD is set", claims=("image.env",),
           apply=variable("LD_PRELOAD", "/tmp/spy.so")),
    Mutant(name="env-other-spelling", change='LD_PRELOAD in "env", which engines take for "Env"',
           claims=("image.well-formed",), apply=setting("env", ["LD_PRELOAD=/tmp/spy.so"])),
    Mutant(name="env-path-here", change="PATH begins with the current directory", claims=("image.env",),
           apply=variable("PATH", ".:/usr/bin:/bin")),
    Mutant(name="env-path-empty-part", change="PATH ends with a colon", claims=("image.env",),
           apply=variable("PATH", "/usr/bin:")),
    Mutant(name="env-path-open", change="PATH holds a directory that anyone may write to",
           claims=("image.env",), apply=_open_path, also=("image.no-world-writable",)),
    Mutant(name="env-certificates-off", change="certificates are not checked", claims=("image.env",),
           apply=variable("NODE_TLS_REJECT_UNAUTHORIZED", "0")),
    Mutant(name="env-malformed", change="a variable without a value's sign", claims=("image.env",),
           apply=lambda draft: rows(draft.settings["Env"]).append("DEBUG")),
    Mutant(name="env-twice", change="PATH is there twice", claims=("image.env",),
           apply=lambda draft: rows(draft.settings["Env"]).append("PATH=/opt/bin")),
    Mutant(name="env-password", change="a password among the variables", claims=("image.no-secrets",),
           apply=variable("DB_PASSWORD", "c0rrect-h0rse-battery")),
    Mutant(name="env-url-password", change="a password in a database's address",
           claims=("image.no-secrets",),
           apply=variable("DATABASE_URL", "postgres://app:Tr0ub4dor-3@db.internal:5432/app")),
    Mutant(name="env-token", change="a token under a harmless name", claims=("image.no-secrets",),
           apply=variable("UPSTREAM", TOKEN)),
    Mutant(name="command-token", change="a token on the command line", claims=("image.no-secrets",),
           apply=setting("Cmd", [f"--token={TOKEN}"])),
    Mutant(name="health-token", change="a token in the health command", claims=("image.no-secrets",),
           apply=health("Test", ["CMD", "/server", "--health-check", f"--token={TOKEN}"])),
    Mutant(name="annotation-token", change="a token in the manifest", claims=("image.no-secrets",),
           apply=_annotation),
    Mutant(name="label-token", change="a token in a label", claims=("image.no-secrets",), apply=_label),
    Mutant(name="history-token", change="a token in a build step", claims=("image.no-secrets",),
           apply=_created_by(f"RUN git clone https://x:{TOKEN}@github.com/acme/lib")),
    Mutant(name="history-argument", change="a build argument with a key, in a step without a layer",
           claims=("image.no-secrets",), apply=_step(f"ARG AWS_ACCESS_KEY_ID={_AWS}")),
)  # fmt: skip
PLATFORM = (
    Mutant(name="architecture-wrong", change="the configuration says arm64", claims=("image.platform",),
           apply=_say("architecture", "arm64")),
    Mutant(name="architecture-none", change="the configuration names no architecture",
           claims=("image.platform",), apply=_say("architecture", "")),
    Mutant(name="system-wrong", change="the configuration says windows", claims=("image.platform",),
           apply=_say("os", "windows")),
    Mutant(name="descriptor-platform", change="the index says arm64", claims=("image.platform",),
           apply=_platform("arm64")),
    Mutant(name="descriptor-system", change="the index says darwin", claims=("image.platform",),
           apply=_platform("amd64", "darwin")),
    Mutant(name="history-short", change="a line less in the history than there are layers",
           claims=("image.layers",), apply=lambda draft: draft.history.pop()),
    Mutant(name="history-long", change="a line more in the history than there are layers",
           claims=("image.layers",),
           apply=lambda draft: draft.history.append({"created_by": "COPY secret /"})),
    Mutant(name="no-revision", change="no label tells the revision", claims=("image.labels",),
           apply=_no_revision, is_information=True),
    Mutant(name="created-tomorrow", change="was created in 2099", claims=("image.timestamps",),
           apply=_say("created", "2099-01-01T00:00:00Z"), is_information=True),
)  # fmt: skip
OF_SETTINGS = (*USERS, *COMMANDS, *HEALTH, *VARIABLES, *PLATFORM)
