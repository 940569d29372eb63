"""A system-call filter like Docker's default one, as a BPF program (seccomp(2), "SECCOMP_SET_MODE_FILTER").

Docker's profile lists what is allowed; this lists what it denies to a container without capabilities
(docs.docker.com/engine/security/seccomp), so a call that is newer than both passes here and not there.
"""

from __future__ import annotations

import errno
import struct
from typing import Final

# Machine as uname(2) says it -> (AUDIT_ARCH of linux/audit.h, column of the numbers below).
_MACHINES: Final = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
# Calls that answer EPERM: number on x86-64, number on arm64 (None: there is no such call).
DENIED: Final[dict[str, tuple[int, int | None]]] = {
    "_sysctl": (156, None),
    "acct": (163, 89),
    "add_key": (248, 217),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clock_settime": (227, 112),
    "create_module": (174, None),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "get_kernel_syms": (177, None),
    "get_mempolicy": (239, 236),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioperm": (173, None),
    "iopl": (172, None),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "lookup_dcookie": (212, 18),
    "mbind": (237, 235),
    "migrate_pages": (256, 238),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "move_pages": (279, 239),
    "nfsservctl": (180, 42),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_madvise": (440, 440),
    "query_module": (178, None),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "set_mempolicy": (238, 237),
    "set_mempolicy_home_node": (450, 450),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "sysfs": (139, None),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "uselib": (134, None),
    "userfaultfd": (323, 282),
    "ustat": (136, None),
    "vhangup": (153, 58),
}
# Calls that depend on their first argument.
CLONE: Final = (56, 220)
SOCKET: Final = (41, 198)
PERSONALITY: Final = (135, 92)
# ENOSYS, because its flags are in memory, where no filter can look: C libraries then take clone.
CLONE3: Final = (435, 435)

_NAMESPACES: Final = 0x7E020000  # the CLONE_NEW* flags of clone(2)
_AF_VSOCK: Final = 40
_PERSONALITIES: Final = (0x0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)
_X32: Final = 0x40000000

_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_AT_LEAST: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_ANY_BIT: Final = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K
_ALLOW: Final = 0x7FFF0000
_ERRNO: Final = 0x00050000
# Offsets in struct seccomp_data; of the argument the lower half, on these little-endian machines.
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENT_AT = 0, 4, 16


def filter_program(machine: str) -> bytes:
    """Return the filter as an array of struct sock_filter; empty for a machine that it is not made for.

    machine: as uname(2) says it. 32-bit programs of the same machine get ENOSYS for every call.
    """
    if machine not in _MACHINES:
        return b""
    architecture, column = _MACHINES[machine]
    refused, unknown = _returns(_ERRNO | errno.EPERM), _returns(_ERRNO | errno.ENOSYS)
    lines = [
        _line(_LOAD, _ARCHITECTURE_AT),
        _line(_EQUAL, architecture, if_true=1),
        unknown,
        _line(_LOAD, _NUMBER_AT),
    ]
    if machine == "x86_64":
        lines += [_line(_AT_LEAST, _X32, if_false=1), unknown]
    lines += [_line(_EQUAL, CLONE3[column], if_false=1), unknown]
    argument = _line(_LOAD, _ARGUMENT_AT)
    allowed = _returns(_ALLOW)
    for call, tests, otherwise in (
        (CLONE, [_line(_ANY_BIT, _NAMESPACES, if_false=1), refused], allowed),
        (SOCKET, [_line(_EQUAL, _AF_VSOCK, if_false=1), refused], allowed),
        (
            PERSONALITY,
            [part for one in _PERSONALITIES for part in (_line(_EQUAL, one, if_false=1), allowed)],
            refused,
        ),
    ):
        body = [argument, *tests, otherwise]
        lines += [_line(_EQUAL, call[column], if_false=len(body)), *body]
    numbers = sorted(
        number for number in (numbers[column] for numbers in DENIED.values()) if number is not None
    )
    # Each comparison jumps over those that follow it, and over the "allow" after them.
    lines += [_line(_EQUAL, number, if_true=len(numbers) - at) for at, number in enumerate(numbers)]
    return b"".join((*lines, allowed, refused))


def _line(code: int, value: int, *, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _returns(value: int) -> bytes:
    return _line(_RETURN, value)
