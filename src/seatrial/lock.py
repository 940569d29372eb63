"""seatrial.lock: every version and digest that a build used, so that it can be made again.

The file is JSON: a machine writes it, a person reads its diff. ``build`` reads the one beside the
service; where there is none it keeps its own in the cache.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from seatrial.errors import ConfigError, FormatError
from seatrial.formats.jsonvalue import as_table, table_at, text_at, texts_at
from seatrial.host.files import write_whole

FILE_NAME = "seatrial.lock"
FORMAT_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Lock:
    """Pins. go: such as "go1.26.8"; orchestrion: such as "v1.15.0"; bases: "NAME/ARCH" -> its own lock.

    Of the files that ``init`` writes, and empty without them: images: "golang" and "static" -> a whole
    reference with its digest. actions: name -> "COMMIT VERSION". tools: name -> version.
    files: path -> sha256 hex of what was generated there last. ci: of "github" and "gitlab".
    facts: "source", "default_branch" and "health_flag" (who answers it), which the files say and not every
    clone can tell: a pipeline's has no default branch, a fork's another origin, a container runs no program.
    """

    go: str = ""
    orchestrion: str = ""
    bases: dict[str, dict[str, object]] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)
    actions: dict[str, str] = field(default_factory=dict)
    tools: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    ci: tuple[str, ...] = ()
    facts: dict[str, str] = field(default_factory=dict)

    def base(self, name: str, architecture: str) -> dict[str, object] | None:
        """Return what pins that base, or None when it was never resolved."""
        return self.bases.get(f"{name}/{architecture}")


def read_lock(path: Path) -> Lock | None:
    """Read a lock file; None when there is none. Raises ConfigError for one that cannot be used."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    hint = "take the last good one from git, or remove it and write it anew: seatrial lock --update"
    try:
        table = as_table(json.loads(content))
        version = table.get("version")
        if version != FORMAT_VERSION:
            raise ConfigError(
                f"lock format {version!r}, and this Seatrial reads {FORMAT_VERSION}",
                where=str(path),
                hint=hint,
            )
        bases = {name: as_table(value, name) for name, value in table_at(table, "bases").items()}
        return Lock(
            go=text_at(table, "go"),
            orchestrion=text_at(table, "orchestrion"),
            bases=bases,
            images=_texts(table, "images"),
            actions=_texts(table, "actions"),
            tools=_texts(table, "tools"),
            files=_texts(table, "files"),
            ci=texts_at(table, "ci"),
            facts=_texts(table, "facts"),
        )
    except (ValueError, FormatError) as error:
        raise ConfigError(f"not a lock file: {error}", where=str(path), hint=hint) from error


def _texts(table: dict[str, object], key: str) -> dict[str, str]:
    found = table_at(table, key)
    return {name: text_at(found, name) for name in found}


def write_lock(path: Path, lock: Lock) -> None:
    """Write a lock file whole."""
    write_whole(path, encode_lock(lock))


def encode_lock(lock: Lock) -> bytes:
    """Return the file's bytes; keys sorted, so that its diff shows what moved."""
    return (json.dumps(lock_table(lock), indent=2, sort_keys=True) + "\n").encode()


def lock_table(lock: Lock) -> dict[str, object]:
    """Return a lock as the plain values of its file."""
    table: dict[str, object] = {
        "version": FORMAT_VERSION,
        "go": lock.go,
        "orchestrion": lock.orchestrion,
        "bases": lock.bases,
    }
    kept = {
        "images": lock.images,
        "actions": lock.actions,
        "tools": lock.tools,
        "files": lock.files,
        "ci": list(lock.ci),
        "facts": lock.facts,
    }
    return table | {name: value for name, value in kept.items() if value}
