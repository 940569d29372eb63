"""Run by archives.py's driver as a program: ask `go list` once, answer, and keep the answer.

The standard library alone, as nothing of Seatrial is importable where it runs. The request on standard
input and the answer on standard output are those of golang.org/x/tools/go/packages, external.go.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict, cast

# LoadMode's bits: 1 name, 2 files, 4 compiled files, 8 imports, 16 their packages, 32 the archive.
# What else may be asked for (types, syntax, modules) is not in our answer.
_WANTED = 32 | 16 | 8
_GIVEN = 63


class _Package(TypedDict, total=False):
    """What is asked of `go list`, by its names."""

    ImportPath: str
    Name: str
    Dir: str
    Export: str
    GoFiles: list[str]
    CgoFiles: list[str]
    CompiledGoFiles: list[str]
    Imports: list[str]
    ImportMap: dict[str, str]
    DepOnly: bool
    Error: object


def main(answer_file: str, pattern: str) -> int:
    """Write the answer to ``answer_file`` and to standard output; 1 when Go itself has to be asked."""
    request = json.load(sys.stdin)
    if not _can_answer(request):
        return 1
    fields = ",".join(_Package.__annotations__)
    argv = ("go", "list", "-e", f"-json={fields}", "-compiled", "-export", "-deps", "-buildvcs=false")
    done = subprocess.run(
        (*argv, "-pgo=off", *request["build_flags"], "--", pattern), stdout=subprocess.PIPE, check=False
    )
    if done.returncode != 0:
        return 1
    listed = list(_values(done.stdout.decode()))
    if any("Error" in package or _lacks_archive(package) for package in listed):
        return 1
    answer = json.dumps(
        {
            "Compiler": "gc",
            "Arch": os.environ.get("GOARCH", ""),
            "Roots": [package["ImportPath"] for package in listed if not package.get("DepOnly")],
            "Packages": [_flat(package) for package in listed],
        }
    )
    _keep(Path(answer_file), answer)
    sys.stdout.write(answer)
    return 0


def _can_answer(request: dict[str, object]) -> bool:
    mode = request.get("mode")
    if not isinstance(mode, int) or mode & _WANTED != _WANTED or mode & ~_GIVEN:
        return False
    return not request.get("tests") and not request.get("overlay")


def _values(text: str) -> Iterator[_Package]:
    """Read what `go list -json` prints: one object after another."""
    decoder, position = json.JSONDecoder(), 0
    while position < len(text):
        value, position = decoder.raw_decode(text, position)
        yield cast("_Package", value)
        while position < len(text) and text[position].isspace():
            position += 1


def _lacks_archive(package: _Package) -> bool:
    return package["ImportPath"] != "unsafe" and not package.get("Export")


def _flat(package: _Package) -> dict[str, object]:
    """Return a package in the form of go/packages (flatPackage in packages.go)."""
    folder = str(package.get("Dir", ""))
    mapped = package.get("ImportMap", {})
    return {
        "ID": package["ImportPath"],
        "Name": package.get("Name", ""),
        "PkgPath": package["ImportPath"],
        "GoFiles": [
            os.path.join(folder, name) for name in (*package.get("GoFiles", ()), *package.get("CgoFiles", ()))
        ],
        "CompiledGoFiles": [os.path.join(folder, name) for name in package.get("CompiledGoFiles", ())],
        "ExportFile": package.get("Export", ""),
        "Imports": {path: mapped.get(path, path) for path in package.get("Imports", ()) if path != "C"},
    }


def _keep(file: Path, answer: str) -> None:
    """Two compilers may ask at once: a reader sees a whole answer or none."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent)
    with os.fdopen(handle, "w") as stream:
        stream.write(answer)
    os.replace(name, file)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
