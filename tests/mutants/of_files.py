"""Mutants of what lies in the image: programs, secrets, modes, links, devices, times."""

from __future__ import annotations

import base64
import tarfile
from collections.abc import Callable

from mutants.draft import (
    Draft,
    Member,
    a_device,
    a_directory,
    a_file,
    a_link,
    name_of,
    unpack,
)
from mutants.mutant import Mutant
from mutants.of_settings import TOKEN

PROGRAM = "server"
_USER = 65532
_ELF = b"\x7fELF\x02\x01\x01" + bytes(57)
_CAPABILITY = "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
_KEY = (
    "-----BEGIN " + "PRIVATE KEY-----\n"
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n"
    "MzEfYyjiWA4R4/M2bS1GB4t7NXp98C3SC6dVMvDuictGeurT8jNbvJZHtCSuYEvu\n"
    "-----END " + "PRIVATE KEY-----\n"
).encode()
_OLD_DEBIAN = b'PRETTY_NAME="Debian GNU/Linux 10 (buster)"\nID=debian\nVERSION_ID="10"\n'


def added(*members: Member) -> Callable[[Draft], object]:
    """Put a layer on top. Members are made once, and a tar does not change them."""
    return lambda draft: draft.add_layer(*members)


def program(**changes: object) -> Callable[[Draft], object]:
    """Change what the tar says of the program: mode, uid, gid, mtime."""

    def change(info: tarfile.TarInfo, content: bytes) -> Member:
        for name, value in changes.items():
            setattr(info, name, value)
        return info, content

    return lambda draft: draft.change_member(PROGRAM, change)


def _in_service_layer(*members: Member) -> Callable[[Draft], object]:
    return lambda draft: draft.change_layer(len(draft.layers) - 1, lambda found: [*found, *members])


def _capable(draft: Draft) -> None:
    def change(info: tarfile.TarInfo, content: bytes) -> Member:
        info.pax_headers = {"SCHILY.xattr.security.capability": _CAPABILITY}
        return info, content

    draft.change_member(PROGRAM, change)


def _capable_by_libarchive(draft: Draft) -> None:
    def change(info: tarfile.TarInfo, content: bytes) -> Member:
        encoded = base64.b64encode(_CAPABILITY.encode()).decode()
        info.pax_headers = {"LIBARCHIVE.xattr.security.capability": encoded}
        return info, content

    draft.change_member(PROGRAM, change)


def _linked_from_home(draft: Draft) -> None:
    """Start the program by a link that lies in a directory of its user's."""
    draft.settings["Entrypoint"] = ["/home/nonroot/start"]
    draft.add_layer(a_link("home/nonroot/start", "/server"))


def _owned_directory(draft: Draft) -> None:
    """Move the program into a directory of its user's."""
    draft.settings["Entrypoint"] = ["/app/server"]

    def move(members: list[Member]) -> list[Member]:
        for info, _ in members:
            if name_of(info) == PROGRAM:
                info.name = "app/server"
        return [a_directory("app", uid=_USER), *members]

    draft.change_layer(len(draft.layers) - 1, move)
    draft.settings["Healthcheck"] = dict(draft.healthcheck) | {
        "Test": ["CMD", "/app/server", "--health-check"]
    }


def _twice(draft: Draft) -> None:
    top = len(draft.layers) - 1
    draft.change_layer(top, lambda members: [a_file(PROGRAM, b"#!/evil", 0o755), *members])


def _hidden(*members: Member, by: Member) -> Callable[[Draft], object]:
    def apply(draft: Draft) -> None:
        draft.add_layer(*members, created_by="COPY . /build")
        draft.add_layer(by, created_by="RUN rm -rf /build")

    return apply


def _dangling(draft: Draft) -> None:
    draft.settings["Entrypoint"] = ["/start"]
    draft.add_layer(a_link("start", "/opt/server"))


def _many_layers(draft: Draft) -> None:
    for number in range(130):
        draft.add_layer(a_file(f"opt/part-{number}"))


def _twice_over(draft: Draft) -> None:
    """Copy the program twice more, as a RUN chown and a RUN chmod do."""
    layer = draft.layers[-1]
    found = next(content for info, content in unpack(layer.unpacked()) if name_of(info) == PROGRAM)
    draft.add_layer(a_file(PROGRAM, found, 0o755), created_by="RUN chown root /server")
    draft.add_layer(a_file(PROGRAM, found, 0o755), created_by="RUN chmod 755 /server")


def _whiteout(path: str) -> Member:
    above, _, name = path.rpartition("/")
    return a_file(f"{above}/.wh.{name}" if above else f".wh.{name}", b"")


def _future(draft: Draft) -> None:
    member = a_file("etc/service.toml", b"x = 1\n")
    member[0].mtime = 4_070_908_800
    draft.add_layer(member)


def _docker_history(draft: Draft) -> None:
    """Put the private key into a lower layer, below the service's."""
    draft.add_layer(a_file("root/.ssh/id_ed25519", _KEY, 0o600))
    draft.layers.insert(0, draft.layers.pop())
    draft.history.insert(0, draft.history.pop())
    draft.add_layer(_whiteout("root/.ssh"), created_by="RUN rm -rf /root/.ssh")


TOOLS = (
    Mutant(name="shell", change="/bin/sh is there", claims=("image.no-shell",),
           apply=added(a_file("bin/sh", _ELF, 0o755))),
    Mutant(name="busybox", change="busybox under its own name", claims=("image.no-shell",),
           apply=added(a_file("usr/bin/busybox", _ELF, 0o755))),
    Mutant(name="shell-elsewhere", change="bash below /opt", claims=("image.no-shell",),
           apply=added(a_file("opt/tools/bash", _ELF, 0o755))),
    Mutant(name="shell-link", change="/bin/sh is a link to another program", claims=("image.no-shell",),
           apply=added(a_file("usr/bin/tool", _ELF, 0o755), a_link("usr/bin/sh", "tool"))),
    Mutant(name="shell-hard-link", change="a shell is a further name of another program",
           claims=("image.no-shell",),
           apply=added(a_file("opt/tool", _ELF, 0o755), a_link("opt/ash", "opt/tool", is_hard=True))),
    Mutant(name="apt", change="apt-get is there", claims=("image.no-package-manager",),
           apply=added(a_file("usr/bin/apt-get", _ELF, 0o755))),
    Mutant(name="apk", change="apk is there", claims=("image.no-package-manager",),
           apply=added(a_file("sbin/apk", _ELF, 0o755))),
    Mutant(name="dpkg-link", change="dpkg is a link", claims=("image.no-package-manager",),
           apply=added(a_file("usr/bin/tool", _ELF, 0o755), a_link("usr/bin/dpkg", "tool"))),
    Mutant(name="compiler", change="gcc is there", claims=("image.no-build-leftovers",),
           apply=added(a_file("usr/bin/gcc-12", _ELF, 0o755))),
    Mutant(name="go", change="the Go tool chain is there", claims=("image.no-build-leftovers",),
           apply=added(a_file("usr/local/go/bin/go", _ELF, 0o755))),
    Mutant(name="source-tree", change="the source tree was copied in", claims=("image.no-build-leftovers",),
           apply=added(a_file("src/go.mod", b"module x\n"), a_file("src/main.go", b"package main\n"))),
    Mutant(name="dockerfile", change="the Dockerfile was copied in", claims=("image.no-build-leftovers",),
           apply=added(a_file("app/Dockerfile", b"FROM scratch\n"))),
    Mutant(name="go-cache", change="the build cache was left", claims=("image.no-build-leftovers",),
           apply=added(a_file("root/.cache/go-build/0a/0a11-d", b"x"))),
)  # fmt: skip
MODES = (
    Mutant(name="setuid", change="a setuid file", claims=("image.no-setuid",),
           apply=added(a_file("usr/bin/su", _ELF, 0o4755))),
    Mutant(name="setgid", change="a setgid file", claims=("image.no-setuid",),
           apply=added(a_file("usr/bin/wall", _ELF, 0o2755))),
    Mutant(name="setuid-program", change="the program itself is setuid", claims=("image.no-setuid",),
           apply=program(mode=0o4755)),
    Mutant(name="setuid-hard-link", change="a further name of a setuid file", claims=("image.no-setuid",),
           apply=added(a_file("opt/a", _ELF, 0o4755), a_link("opt/b", "opt/a", is_hard=True))),
    Mutant(name="capability", change="the program may bind low ports by a file capability",
           claims=("image.no-file-capabilities",), apply=_capable),
    Mutant(name="capability-libarchive", change="the same, as libarchive writes it",
           claims=("image.no-file-capabilities",), apply=_capable_by_libarchive),
    Mutant(name="open-file", change="a file that anyone may write to", claims=("image.no-world-writable",),
           apply=added(a_file("etc/service.toml", b"a = 1\n", 0o666))),
    Mutant(name="open-directory", change="a directory that anyone may write to",
           claims=("image.no-world-writable",), apply=added(a_directory("data", 0o777))),
    Mutant(name="open-tmp", change="/tmp without its sticky bit", claims=("image.no-world-writable",),
           apply=added(a_directory("tmp", 0o777))),
    Mutant(name="open-program", change="the program has mode 0777",
           claims=("image.no-world-writable", "image.program-not-writable"), apply=program(mode=0o777)),
    Mutant(name="program-owned", change="the program belongs to its user",
           claims=("image.program-not-writable",), apply=program(uid=_USER, gid=_USER)),
    Mutant(name="program-group", change="the program's group is its user's, and may write",
           claims=("image.program-not-writable",), apply=program(gid=_USER, mode=0o775)),
    Mutant(name="program-directory-owned", change="the program's directory belongs to its user",
           claims=("image.program-not-writable",), apply=_owned_directory),
    Mutant(name="root-owned", change="the root directory belongs to the user",
           claims=("image.well-formed",), apply=added(a_directory("./", uid=_USER))),
    Mutant(name="root-open", change="anyone may write to the root directory",
           claims=("image.well-formed",), apply=added(a_directory("./", 0o777))),
    Mutant(name="program-link-owned", change="the program is started by a link in its user's home",
           claims=("image.program-not-writable",), apply=_linked_from_home),
    Mutant(name="program-0600", change="the program has mode 0600", claims=("image.entrypoint",),
           apply=program(mode=0o600)),
    Mutant(name="program-0744", change="only root may start the program", claims=("image.entrypoint",),
           apply=program(mode=0o744)),
)  # fmt: skip
SECRETS = (
    Mutant(name="git", change=".git was copied in", claims=("image.no-version-control",),
           apply=added(a_directory("app/.git"), a_file("app/.git/HEAD", b"ref: refs/heads/main\n"))),
    Mutant(name="git-no-directory", change=".git was copied in, and its directory has no entry of its own",
           claims=("image.no-version-control",),
           apply=added(a_file("app/.git/HEAD", b"ref: refs/heads/main\n"))),
    Mutant(name="git-hidden", change=".git was copied in and removed again",
           claims=("image.no-version-control",),
           apply=_hidden(a_file("app/.git/HEAD", b"ref: refs/heads/main\n"), by=_whiteout("app"))),
    Mutant(name="git-objects", change="a part of .git was copied in", claims=("image.no-version-control",),
           apply=added(a_file("app/.git/objects/pack/pack-1.pack", b"PACK"))),
    Mutant(name="mercurial", change=".hg was copied in", claims=("image.no-version-control",),
           apply=added(a_directory("app/.hg"), a_file("app/.hg/requires", b"store\n"))),
    Mutant(name="dotenv", change=".env was copied in", claims=("image.no-secrets",),
           apply=added(a_file("app/.env", b"DB_PASSWORD=c0rrect-h0rse-battery\n"))),
    Mutant(name="private-key", change="a private key", claims=("image.no-secrets",),
           apply=added(a_file("etc/tls/server.pem", _KEY, 0o600))),
    Mutant(name="token-in-config", change="a token in a configuration file", claims=("image.no-secrets",),
           apply=added(a_file("etc/service.toml", f'upstream = "{TOKEN}"\n'.encode()))),
    Mutant(name="secret-removed", change="a private key in the lowest layer, removed by the topmost",
           claims=("image.no-secrets",), apply=_docker_history),
    Mutant(name="secret-replaced", change=".env with a secret, replaced by an empty one",
           claims=("image.no-secrets",),
           apply=_hidden(a_file("app/.env", b"API_TOKEN=9f86d081884c7d659a2feaa0c55ad015\n"),
                         by=a_file("app/.env", b""))),
    Mutant(name="secret-opaque", change="a private key, hidden by an opaque directory",
           claims=("image.no-secrets",),
           apply=_hidden(a_file("build/key.pem", _KEY), by=a_file("build/.wh..wh..opq", b""))),
    Mutant(name="docker-login", change="a registry login was copied in", claims=("image.no-secrets",),
           apply=added(a_file("root/.docker/config.json",
                              b'{"auths":{"registry.example.com":{"auth":"YWRhOnM0Y3JldC1wYXNz"}}}'))),
)  # fmt: skip
SHAPE = (
    Mutant(name="duplicate", change="the program is twice in its layer", claims=("image.well-formed",),
           apply=_twice),
    Mutant(name="duplicate-dot", change="a path twice, once as ./path", claims=("image.well-formed",),
           apply=added(a_file("etc/a.toml"), a_file("./etc/a.toml", b"y"))),
    Mutant(name="absolute-path", change="a member's path begins with /", claims=("image.layers",),
           apply=added(a_file("/etc/a.toml")), is_information=True),
    Mutant(name="climbing-path", change="a member's path climbs out with ..",
           claims=("image.well-formed",), apply=added(a_file("../../etc/cron.d/job"))),
    Mutant(name="climbing-inside", change="a member's path climbs in its middle",
           claims=("image.well-formed",), apply=added(a_file("opt/../../etc/cron.d/job"))),
    Mutant(name="climbing-link", change="a symbolic link climbs out of the root", claims=("image.links",),
           apply=added(a_link("data", "../../var/lib/data"))),
    Mutant(name="climbing-hard-link", change="a hard link to a path out of the root",
           claims=("image.well-formed",), apply=added(a_link("data", "../etc/shadow", is_hard=True))),
    Mutant(name="hard-link-to-nothing", change="a hard link to what is not there",
           claims=("image.well-formed",), apply=added(a_link("data", "opt/nothing", is_hard=True))),
    Mutant(name="below-a-file", change="a path below a file", claims=("image.well-formed",),
           apply=added(a_file("opt/a"), a_file("opt/a/b"))),
    Mutant(name="entrypoint-dangling", change="the entrypoint is a link to nothing",
           claims=("image.links", "image.entrypoint"), apply=_dangling,
           also=("binary.static", "binary.woven")),
    Mutant(name="device", change="a disk's device node", claims=("image.well-formed",),
           apply=added(a_device("dev/sda", 8, 0, is_block=True))),
    Mutant(name="device-disguised", change="/dev/null with the numbers of /dev/mem",
           claims=("image.well-formed",), apply=added(a_device("dev/null", 1, 1))),
    Mutant(name="whiteout-of-nothing", change="a whiteout of nothing", claims=("image.layers",),
           apply=added(_whiteout("opt/nothing")), is_information=True),
    Mutant(name="layers-130", change="130 layers more", claims=("image.layers",), apply=_many_layers),
    Mutant(name="times-in-future", change="a file from 2099", claims=("image.timestamps",), apply=_future,
           is_information=True),
    Mutant(name="old-distribution", change="os-release of Debian 10", claims=("image.base-supported",),
           apply=added(a_file("etc/os-release", _OLD_DEBIAN))),
    Mutant(name="old-distribution-below-usr", change="/usr/lib/os-release of Debian 10",
           claims=("image.base-supported",), apply=added(a_file("usr/lib/os-release", _OLD_DEBIAN))),
    Mutant(name="too-large", change="30 MB of data that nobody wanted", claims=("image.size",),
           apply=added(a_file("opt/data.bin", bytes(30_000_000)))),
    Mutant(name="three-times", change="the program in three layers, as chown and chmod leave it",
           claims=("image.size",), apply=_twice_over),
)  # fmt: skip
OF_FILES = (*TOOLS, *MODES, *SECRETS, *SHAPE)
