"""Go's own module proxy, asked by Go: which versions there are, and which Go each one needs.

The user's settings decide (GOPROXY, GOPRIVATE, GOSUMDB, .netrc); no module is downloaded, only its go.mod.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from seatrial.errors import FormatError, NetworkError, ToolFailed, UntrustedInput
from seatrial.formats.json_stream import json_stream
from seatrial.formats.jsonvalue import as_table, table_at, text_at, texts_at
from seatrial.host.process import Completed, find_program, run
from seatrial.renew.cooldown import parse_time
from seatrial.renew.found import Release

# A pin's name -> the module that its program is in.
MODULES: Final = {
    "orchestrion": "github.com/DataDog/orchestrion",
    "golangci-lint": "github.com/golangci/golangci-lint/v2",
    "govulncheck": "golang.org/x/vuln",
    "syft": "github.com/anchore/syft",
    "trivy": "github.com/aquasecurity/trivy",
}
GO: Final = "go"
# The module "go" has no times; its releases for each system have. One is as good as another.
_TOOLCHAIN: Final = ("golang.org/toolchain", "v0.0.1-go{version}.linux-amd64")
_NOT_THERE: Final = re.compile(
    r"unknown revision|invalid version|not found|\b40[34]\b|\b410\b|no matching versions"
)
_GO_LINE: Final = re.compile(r'^[ \t]*go[ \t]+"?([0-9][^\s"/]*)', re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class GoAsker:
    """env: the complete environment. timeout_s: for one question, which may be about many modules."""

    env: Mapping[str, str]
    timeout_s: float

    def host(self) -> str:
        """Return what GOPROXY names first, for messages."""
        done = self._run("env", "GOPROXY")
        first = re.split(r"[,|]", done.stdout.decode(errors="replace").strip())[0]
        place = first.partition("://")[2] or f"GOPROXY={first}"
        return place.partition("/")[0].rpartition("@")[2] or first

    def versions(self, modules: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Return each module's published versions, without the retracted; "go" is one, too.

        Raises NetworkError with Go's own words.
        """
        done = self._checked(self._run("list", "-m", "-versions", "-json", *modules))
        return {text_at(table, "Path"): texts_at(table, "Versions") for table in _tables(done)}

    def published(self, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Release]:
        """Return what is known of each (module, version).

        Versions that are not there are left out. Raises NetworkError, UntrustedInput (the checksum
        database knows other bytes).
        """
        words = [f"{module}@{version}" for module, version in wanted]
        if not words:
            return {}
        done = self._checked(self._run("list", "-m", "-json", "-e", *words))
        found: dict[tuple[str, str], Release] = {}
        for table in _tables(done):
            if error := text_at(table_at(table, "Error"), "Err"):
                self._explain(error)
            else:
                version = text_at(table, "Version")
                found[text_at(table, "Path"), version] = Release(
                    version=version,
                    needs_go=_go_line(Path(text_at(table, "GoMod"))),
                    published=parse_time(text_at(table, "Time")),
                )
        return found

    def go_published(self, versions: Iterable[str]) -> dict[str, datetime]:
        """Return when releases of Go such as "1.26.8" came out; without those that no source knows."""
        module, pattern = _TOOLCHAIN
        names = {pattern.format(version=version): version for version in versions}
        found = self.published((module, name) for name in names)
        return {
            names[name]: release.published
            for (_, name), release in found.items()
            if release.published is not None
        }

    def releases(self, pins: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[Release, ...]]:
        """Return pin's name -> its versions, with what each needs. pins: name -> versions to ask about."""
        known = self.published((MODULES[name], version) for name, found in pins.items() for version in found)
        return {
            name: tuple(
                known[MODULES[name], version] for version in found if (MODULES[name], version) in known
            )
            for name, found in pins.items()
        }

    def _explain(self, words: str) -> None:
        """Raise what is not simply a version that is not there."""
        if _is_tampered(words):
            raise UntrustedInput(words)
        if not _NOT_THERE.search(words):
            raise NetworkError(words)

    def _checked(self, done: Completed) -> Completed:
        if done.returncode == 0:
            return done
        words = done.stderr.decode(errors="replace").strip()
        tail = "\n".join(line for line in words.splitlines() if not line.startswith("go: downloading"))
        kind = UntrustedInput if _is_tampered(words) else NetworkError
        raise kind(tail.removeprefix("go: ") or f"exit status {done.returncode}", where="go list -m")

    def _run(self, *arguments: str) -> Completed:
        program = find_program("go", self.env.get("PATH", ""))
        # Outside of every module: a go.mod's replace and exclude lines are about the service's own build.
        with tempfile.TemporaryDirectory(prefix="seatrial-") as scratch:
            env = {**self.env, "GOFLAGS": "-mod=mod", "GOWORK": "off", "GO111MODULE": "on"}
            try:
                return run((program, *arguments), cwd=Path(scratch), env=env, timeout_s=self.timeout_s)
            except ToolFailed as error:
                raise NetworkError(error.what, where="go list -m") from error


def _is_tampered(words: str) -> bool:
    """Return whether Go says that the checksum database, or go.sum, knows other bytes."""
    return "SECURITY ERROR" in words or "checksum mismatch" in words


def _go_line(mod: Path) -> str:
    """Read a go.mod's go line (go.dev/ref/mod, "go directive").

    Not Go's own GoVersion: it is left out of the answer for a module that needs a newer Go than this one.
    """
    try:
        text = mod.read_text(errors="replace")
    except OSError as error:
        raise UntrustedInput(f"go.mod cannot be read: {error.strerror}", where=str(mod)) from error
    found = _GO_LINE.search(text)
    return found[1] if found else ""


def _tables(done: Completed) -> Iterator[dict[str, object]]:
    """Read JSON objects that follow each other, as Go prints them."""
    try:
        for value in json_stream(done.stdout.decode(errors="replace")):
            yield as_table(value)
    except (ValueError, FormatError) as error:
        raise UntrustedInput(f"not what go list prints: {error}", where=done.command_line) from error
