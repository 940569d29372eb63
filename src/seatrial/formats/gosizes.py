"""Go programs: how much machine code each package has, by the pclntab's table of functions.

Layout: cmd/link/internal/ld/pcln.go and runtime/symtab.go (Go 1.16 and newer). A function that was
inlined counts where it was put. Alignment between functions counts for the one before it.
"""

from __future__ import annotations

import re
import struct
from collections import Counter
from collections.abc import Iterator
from typing import Final

from seatrial.errors import FormatError
from seatrial.formats.elf import Elf, ElfData
from seatrial.formats.gobinary import LineTable

_MOST_FUNCTIONS: Final = 4 << 20
_ESCAPED: Final = re.compile("%([0-9a-f]{2})")
_COMPILERS_OWN: Final = ("go:", "type:", "go.", "type..")


def read_code_bytes(data: ElfData, elf: Elf, table: LineTable) -> tuple[tuple[str, int], ...]:
    """Return (package path, bytes of machine code), largest first; "" for what no package owns.

    Takes some 0.1 s for a program of 60,000 functions. Raises FormatError for a table that points
    outside of itself.
    """
    sizes: Counter[str] = Counter()
    for name, size in function_sizes(data, elf, table):
        sizes[package_of(name)] += size
    return tuple(sorted(sizes.items(), key=lambda pair: (-pair[1], pair[0])))


def function_sizes(data: ElfData, elf: Elf, table: LineTable) -> Iterator[tuple[str, int]]:
    """Yield each function, such as "net/http.(*Server).Serve", with the bytes up to the next one."""
    if table.function_count > _MOST_FUNCTIONS:
        raise FormatError(f"{table.function_count} functions are more than any Go program has")
    order = ">" if elf.is_big_endian else "<"
    word = "I" if table.entry_bytes == 4 else "Q"
    name_place = struct.Struct(order + "i")
    start, end = table.functions
    names = bytes(data[start:end])
    try:
        rows = struct.unpack_from(f"{order}{2 * table.function_count + 1}{word}", data, table.function_table)
        for index in range(0, 2 * table.function_count, 2):
            place = table.function_table + rows[index + 1] + table.entry_bytes
            (name_at,) = name_place.unpack_from(data, place)
            if not 0 <= name_at < len(names):
                raise FormatError("a Go function whose name lies outside of the table")
            name = names[name_at : names.find(b"\0", name_at)]
            yield name.decode(errors="backslashreplace"), max(0, rows[index + 2] - rows[index])
    except struct.error as error:
        raise FormatError(f"a Go table of functions that is cut short: {error}") from error


def package_of(function: str) -> str:
    """Return a function's package (debug/gosym, PackageName); "" for what the compiler made itself."""
    if function.startswith(_COMPILERS_OWN):
        return ""
    plain = function.partition("[")[0]  # type arguments hold paths of their own
    slash = plain.rfind("/")
    dot = plain.find(".", slash + 1)
    if dot < 0:
        return ""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), plain[:dot])
