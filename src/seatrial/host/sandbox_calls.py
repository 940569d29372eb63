"""What the process that holds a sandbox asks of the kernel and of its messages, standard library only."""

import contextlib
import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import time
from collections.abc import Callable

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
PR_SET_PDEATHSIG = 1
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2
SIOCSIFFLAGS = 0x8914
IFF_UP = 1
LARGEST_MESSAGE = 1 << 20
GROUP_TIMEOUT_S = 2.0
libc = ctypes.CDLL(None, use_errno=True)


def check(result: int, what: str) -> None:
    """Raise OSError, naming the call, when a C function failed."""
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """mount(2)."""
    done = libc.mount(
        source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode() or None
    )
    check(done, f"mount {target}")


def prctl(option: int, value: int) -> None:
    """prctl(2) with one argument."""
    zero = ctypes.c_ulong(0)
    check(libc.prctl(option, ctypes.c_ulong(value), zero, zero, zero), f"prctl {option}")


def write(path: str, content: str) -> None:
    """Write one of the kernel's files in one call, as they ask for."""
    with open(path, "wb", buffering=0) as file:
        file.write(content.encode())


def bring_up_loopback() -> None:
    """Set IFF_UP on ``lo`` (netdevice(7)); it has its addresses then."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))


def receive(control: socket.socket) -> tuple[bytes, list[int]]:
    """Receive one message and its descriptors, close-on-exec: they are not for the service.

    Not socket.recv_fds: it drops its flags (Python 3.11).
    """
    room = socket.CMSG_SPACE(4 * 4)
    content, extras, _, _ = control.recvmsg(LARGEST_MESSAGE, room, socket.MSG_CMSG_CLOEXEC)
    held = b"".join(data for _, kind, data in extras if kind == socket.SCM_RIGHTS)
    return content, list(struct.unpack(f"{len(held) // 4}i", held))


def execute(argv: list[str], environment: dict[str, str]) -> None:
    """execvpe(3), without Python's own, which would import from a root that is no longer ours."""
    places = [""] if "/" in argv[0] else environment.get("PATH", "/usr/bin:/bin").split(":")
    for place in places:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            os.execve(os.path.join(place, argv[0]), argv, environment)  # noqa: S606 - no shell is meant
    raise FileNotFoundError(2, "no such program", argv[0])


def run_or_exit(become: Callable[[], None]) -> None:
    """In a forked child: become another program, or say why not on stderr and exit with 127."""
    try:
        become()
    except BaseException as error:
        os.write(2, f"cannot be started: {error}\n".encode())
    os._exit(127)


def die_with(parent: int) -> None:
    """Ask the kernel to kill this process when its parent ends; end now if it already has."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(127)


def read_child_pid(reads: int) -> int:
    """Return the "child-pid" that bwrap writes to its --info-fd, or 0 when it ended without."""
    with open(reads, "rb") as info:
        content = info.read()
    return number(json.loads(content), "child-pid") if content else 0


def number(table: dict[str, object], key: str) -> int:
    """Return a number of a message."""
    value = table[key]
    assert isinstance(value, int)
    return value


def texts(table: dict[str, object], key: str) -> list[str]:
    """Return a list of texts of a message."""
    value = table[key]
    assert isinstance(value, list)
    return [str(item) for item in value]


def set_filter(program: bytes) -> None:
    """Filter this process's system calls (prctl(2), PR_SET_SECCOMP); program: array of struct sock_filter."""
    lines = ctypes.create_string_buffer(program, len(program))
    described = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(lines))
    done = libc.prctl(
        PR_SET_SECCOMP, ctypes.c_ulong(SECCOMP_MODE_FILTER), described, ctypes.c_ulong(0), ctypes.c_ulong(0)
    )
    check(done, "seccomp")


def remove_group(place: str) -> None:
    """Remove a control group, as soon as its last process is gone; one that is not there is well."""
    deadline = time.monotonic() + GROUP_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            os.rmdir(place)
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.005)  # there is no event for it: the kernel lets go a moment after the exit
