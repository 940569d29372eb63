"""Packages -> the entries of a base: distroless static's layout, with nothing that could be run.

The paths and contents follow https://github.com/GoogleContainerTools/distroless (base/), so that the
scanners that know distroless images (status.d, debian_version, os-release) know these too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final

from seatrial.errors import FormatError, UntrustedInput
from seatrial.formats.deb import Deb
from seatrial.formats.debtar import check_parent
from seatrial.model.image import Entry, EntryKind

NONROOT_ID: Final = 65532
CA_BUNDLE: Final = "etc/ssl/certs/ca-certificates.crt"

PASSWD: Final = b"""\
root:x:0:0:root:/root:/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin
nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin
"""
GROUP: Final = b"""\
root:x:0:
nobody:x:65534:
nonroot:x:65532:
"""
NSSWITCH: Final = b"""\
passwd: files
group: files
shadow: files
hosts: files dns
networks: files
protocols: files
services: files
ethers: files
rpc: files
"""

# Documentation, and what only a shell or a package manager would use; licences are kept.
_LEFT_OUT: Final = re.compile(
    r"usr/share/(?:doc/[^/]+/(?!copyright$).*|(?:man|info|lintian|bug|base-files)(?:/.*)?)"
    r"|etc/(?:update-motd\.d|profile\.d|skel|ca-certificates)(?:/.*)?|usr/sbin/update-ca-certificates"
)
# The only directories whose mode or owner differ from root's plain ones in these packages, with what
# they become: a base has one world-writable place, and no group but root's.
_SETTLED: Final = {
    "tmp": (0o1777, 0, 0o1777),
    "var/tmp": (0o1777, 0, 0o755),
    "var/lock": (0o1777, 0, 0o755),
    "var/local": (0o2775, 50, 0o755),
    "var/mail": (0o2775, 8, 0o755),
}
_CERTIFICATE: Final = re.compile(
    rb"-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n?"
)
_CERTIFICATES: Final = "usr/share/ca-certificates/"
_PRETTY_NAME: Final = re.compile(rb'^PRETTY_NAME="([^"\n]*)"$', re.MULTILINE)
_OS_RELEASE: Final = "usr/lib/os-release"


def assemble_static(debs: tuple[Deb, ...], latest: datetime) -> tuple[Entry, ...]:
    """Return the root file system of a "debian-…" base.

    debs: every package of the recipe. latest: no entry is younger (the Release file's date).
    Raises UntrustedInput for what must not be in a base: see ``merge_packages``.
    """
    tree = merge_packages(debs, latest)
    release = tree.get(_OS_RELEASE)
    if release is None or not isinstance(release.content, bytes):
        raise UntrustedInput("base-files has no os-release", where=_OS_RELEASE)
    name = _PRETTY_NAME.sub(rb'PRETTY_NAME="Distroless \1"', release.content)
    tree[_OS_RELEASE] = replace(release, content=name)
    add_files(tree, {"etc/nsswitch.conf": NSSWITCH})
    return finish(tree, debs)


def merge_packages(debs: Iterable[Deb], latest: datetime) -> dict[str, Entry]:
    """Lay packages over each other, as dpkg would, less what a base leaves out.

    Raises UntrustedInput, naming package and path, for: setuid, setgid and world-writable entries,
    owners other than root (but for the known ones, which are settled), two packages that own one
    path with different content, and a parent that another package made a file or symlink.
    """
    newest = int(latest.timestamp())
    tree: dict[str, Entry] = {}
    for deb in debs:
        for packed in deb.entries:
            if _LEFT_OUT.fullmatch(packed.path):
                continue
            entry = _settle(packed, deb, newest)
            try:
                check_parent(entry.path, tree)
            except FormatError as error:
                raise _refusal(error.what, deb, entry) from error
            other = tree.setdefault(entry.path, entry)
            if replace(other, mtime_epoch_s=entry.mtime_epoch_s) != entry:
                raise _refusal("two packages own this path, with different content", deb, entry)
            if other.kind is not EntryKind.DIRECTORY and other is not entry:
                tree[entry.path] = min(other, entry, key=lambda one: one.mtime_epoch_s)
    return tree


def _settle(entry: Entry, deb: Deb, newest: int) -> Entry:
    settled = replace(entry, mtime_epoch_s=min(entry.mtime_epoch_s, newest))
    known = _SETTLED.get(entry.path)
    if known is not None and entry.kind is EntryKind.DIRECTORY and (entry.mode, entry.gid) == known[:2]:
        return replace(settled, mode=known[2], gid=0)
    if entry.uid or entry.gid:
        raise _refusal(f"owner {entry.uid}:{entry.gid}, not root", deb, entry)
    if entry.kind is EntryKind.SYMLINK:
        return replace(settled, mode=0o777)
    if entry.mode & 0o7000:
        raise _refusal(f"mode {entry.mode:o} has setuid, setgid or the sticky bit", deb, entry)
    if entry.mode & 0o002:
        raise _refusal(f"mode {entry.mode:o} is writable by everyone", deb, entry)
    if entry.kind is EntryKind.FILE and entry.mode & 0o111:
        raise _refusal(f"mode {entry.mode:o}: a base has nothing to run", deb, entry)
    return settled


def finish(tree: dict[str, Entry], debs: tuple[Deb, ...]) -> tuple[Entry, ...]:
    """Add what every base has: users, CA bundle, /tmp, the record of its packages; return it sorted."""
    bundle = _ca_bundle(tree)
    add_files(tree, {"etc/passwd": PASSWD, "etc/group": GROUP, CA_BUNDLE: bundle})
    for deb in debs:
        record = f"var/lib/dpkg/status.d/{deb.name}"
        add_files(tree, {record: deb.control, f"{record}.md5sums": _md5sums(deb, tree)})
    stamp = _stamp(tree)
    for path, mode, owner in (("tmp", 0o1777, 0), ("home", 0o755, 0), ("home/nonroot", 0o700, NONROOT_ID)):
        tree[path] = Entry(
            path=path, kind=EntryKind.DIRECTORY, mode=mode, uid=owner, gid=owner, mtime_epoch_s=stamp
        )
    return tuple(tree[path] for path in sorted(tree))


def add_files(tree: dict[str, Entry], files: dict[str, bytes]) -> None:
    """Put files of root's own, readable by all, into the tree, with the directories above them.

    They get the time of the youngest entry: a base of the same packages has the same bytes whatever
    day they were pinned. Raises UntrustedInput when a package owns one of the paths.
    """
    stamp = _stamp(tree)
    for path, content in files.items():
        if path in tree:
            raise UntrustedInput("a package owns a path that the base writes", where=path)
        parts = path.split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            above = "/".join(parts[:depth])
            made = Entry(path=above, kind=EntryKind.DIRECTORY, mode=0o755, mtime_epoch_s=stamp)
            if tree.setdefault(above, made).kind is not EntryKind.DIRECTORY:
                raise UntrustedInput("not a directory, as the base needs", where=above)
        tree[path] = Entry(path=path, kind=EntryKind.FILE, mode=0o644, mtime_epoch_s=stamp, content=content)


def _stamp(tree: dict[str, Entry]) -> int:
    return max((entry.mtime_epoch_s for entry in tree.values()), default=0)


def _ca_bundle(tree: dict[str, Entry]) -> bytes:
    """Take the certificates out of the tree and return them as one file, in the order of their names."""
    found: list[bytes] = []
    for path in sorted(path for path in tree if f"{path}/".startswith(_CERTIFICATES)):
        entry = tree.pop(path)
        if entry.kind is EntryKind.DIRECTORY:
            continue
        if not isinstance(entry.content, bytes) or not _CERTIFICATE.fullmatch(entry.content):
            raise UntrustedInput("not exactly one PEM certificate", where=path)
        found.append(entry.content.rstrip(b"\n") + b"\n")
    if not found:
        raise UntrustedInput("the package has no certificate", where="ca-certificates")
    return b"".join(found)


def _md5sums(deb: Deb, tree: dict[str, Entry]) -> bytes:
    """Return a package's digests for the files that are in the base as the package has them."""
    packed = {entry.path: entry.content for entry in deb.entries}
    lines: list[str] = []
    for digest, path in deb.md5sums:
        entry = tree.get(path)
        if entry is not None and entry.kind is EntryKind.FILE and entry.content == packed.get(path):
            lines.append(f"{digest}  {path}\n")
    return "".join(lines).encode()


def _refusal(what: str, deb: Deb, entry: Entry) -> UntrustedInput:
    return UntrustedInput(what, where=f"{deb.name} {deb.version}: {entry.path}")
