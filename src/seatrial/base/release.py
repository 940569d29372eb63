"""Trust: from the bytes of an InRelease file to a Release that its pinned signer vouches for."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pysequoia

from seatrial.base.recipe import KEY_FILES, Recipe
from seatrial.errors import ConfigError, FormatError, UntrustedInput
from seatrial.formats.deb822 import Release, parse_release

_HEAD: Final = b"-----BEGIN PGP SIGNED MESSAGE-----\n"
_TAIL: Final = b"\n-----END PGP SIGNATURE-----"
_CLOCK_SKEW: Final = timedelta(hours=1)
_KEYS: Final = Path(__file__).parent / "keys"


def load_signers(recipe: Recipe, keyring: Path | None) -> tuple[pysequoia.Cert, ...]:
    """Return the certificates that may sign this recipe's suite.

    Debian's own come with Seatrial and must have the fingerprints in the recipe; those of a keyring
    file are trusted as they are. Raises ConfigError for a keyring that cannot be used.
    """
    if keyring is None:
        certificates = [
            pysequoia.Cert.from_file(str(_KEYS / KEY_FILES[key])) for key in sorted(recipe.signers)
        ]
        if {certificate.fingerprint for certificate in certificates} != recipe.signers:
            raise AssertionError("a key file does not hold the key that its fingerprint names")
        return tuple(certificates)
    try:
        certificates = pysequoia.Cert.split_file(str(keyring))
    except (RuntimeError, ValueError, OSError) as error:
        raise ConfigError(_first_line(error), where=str(keyring)) from error
    if not certificates:
        raise ConfigError("no OpenPGP certificate in the keyring", where=str(keyring))
    return tuple(certificates)


def verify_release(blob: bytes, signers: tuple[pysequoia.Cert, ...], *, where: str) -> Release:
    """Return what an InRelease file says, when one of the signers signed it (RFC 9580, 7).

    Only the bytes that the signature covers are parsed; a file with anything before or after the
    signed message is refused, as other programs may read that part.
    Raises UntrustedInput, naming the file.
    """
    if not blob.startswith(_HEAD) or not blob.rstrip(b"\n").endswith(_TAIL) or blob.count(_HEAD) != 1:
        raise UntrustedInput("not exactly one signed message", where=where)
    try:
        verified = pysequoia.verify(blob, store=lambda _: list(signers))
    except (RuntimeError, ValueError) as error:
        raise UntrustedInput(f"the signature does not hold: {_first_line(error)}", where=where) from error
    trusted = {certificate.fingerprint for certificate in signers}
    if verified.bytes is None or not any(
        signature.certificate in trusted for signature in verified.valid_sigs
    ):
        raise UntrustedInput("no signature by a key that may sign this suite", where=where)
    try:
        return parse_release(verified.bytes)
    except FormatError as error:
        raise UntrustedInput(error.what, where=where) from error


def check_release(
    release: Release, *, suite: str, architecture: str, now: datetime, seen: datetime | None, where: str
) -> None:
    """Refuse a release that is signed but not the one asked for, out of date, or from the future.

    seen: the latest Date that this cache has met in the suite: Debian's stable suites carry no
    Valid-Until, so an older index, replayed with its old signature, is only known by its age.
    Raises UntrustedInput.
    """

    def refuse(what: str, hint: str = "") -> UntrustedInput:
        return UntrustedInput(what, where=where, hint=hint)

    if (release.origin, release.label) != ("Debian", "Debian"):
        raise refuse(f"origin {release.origin!r} and label {release.label!r} are not Debian's archive")
    if suite not in {release.codename, release.suite}:
        raise refuse(f"this is the suite {release.codename!r} ({release.suite}), not {suite!r}")
    if architecture not in release.architectures or "main" not in release.components:
        raise refuse(f"the suite has no packages in main for {architecture}")
    if release.date > now + _CLOCK_SKEW:
        raise refuse(f"signed in the future: {release.date:%Y-%m-%d %H:%M} UTC", "check this machine's clock")
    if release.valid_until is not None and release.valid_until < now:
        raise refuse(f"valid until {release.valid_until:%Y-%m-%d %H:%M} UTC only", "use another mirror")
    if seen is not None and release.date < seen:
        raise refuse(
            f"older ({release.date:%Y-%m-%d %H:%M}) than what was seen before ({seen:%Y-%m-%d %H:%M} UTC)",
            "the mirror lags or was rolled back: use another one, or build with the seatrial.lock you have",
        )


def read_seen(path: Path) -> datetime | None:
    """Return the latest date that was noted; None when there is none, UntrustedInput when unreadable."""
    try:
        noted: object = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UntrustedInput("the note of the last release cannot be read", where=str(path)) from error
    if not isinstance(noted, dict) or not isinstance(noted.get("date"), int):
        raise UntrustedInput("the note of the last release is damaged", where=str(path))
    return datetime.fromtimestamp(noted["date"], UTC)


def note_seen(path: Path, release: Release) -> None:
    """Note the date of a release that has passed all checks; replaced in one step."""
    temporary = path.with_name(f".{path.name}.{os.urandom(6).hex()}.tmp")
    temporary.write_text(json.dumps({"date": int(release.date.timestamp())}) + "\n")
    os.replace(temporary, path)


def _first_line(error: BaseException) -> str:
    # pysequoia's messages go on with a native stack trace.
    return str(error).partition("\n")[0].strip()
