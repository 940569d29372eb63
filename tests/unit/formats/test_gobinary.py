"""Go programs as the linker leaves them, compared with what Go's own tool says of them."""

from __future__ import annotations

import json
import mmap
import os
import shutil
import subprocess
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engines import go_build
from seatrial.errors import FormatError
from seatrial.formats.elf import parse_elf, read_elf_facts
from seatrial.formats.gobinary import (
    find_line_table,
    read_build_info,
    read_go_facts,
)
from seatrial.formats.gosizes import function_sizes, package_of, read_code_bytes
from seatrial.model.facts import ElfFacts, GoFacts, GoModule

pytestmark = pytest.mark.go

STAMP = "seatrial.dev/weave/stamp@1 orchestrion=v1.15.0 aspects=1.0.0;"
MAIN = """package main

import (
	"os"

	"example.com/Dep/greet"
)

func main() { os.Stdout.WriteString(greet.Hello()) }
"""


def read(program: Path) -> tuple[ElfFacts, GoFacts]:
    with open(program, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        elf = parse_elf(data)
        go = read_go_facts(data, elf)
        assert go is not None
        return read_elf_facts(data, elf), go


def installed_programs() -> list[Path]:
    """Return the Go programs that this machine has."""
    found: set[Path] = set()
    go = shutil.which("go")
    if go is None:
        return []
    root = Path(os.path.realpath(go)).parents[1]
    found.update((root / "bin").iterdir(), (root / "pkg" / "tool").rglob("*"), Path.home().glob("go/bin/*"))
    for name in (
        "docker",
        "dockerd",
        "docker-proxy",
        "containerd",
        "ctr",
        "runc",
        "podman",
        "skopeo",
        "umoci",
    ):
        found.add(Path(shutil.which(name) or "/nothing"))
    return sorted(path for path in found if path.is_file() and path.read_bytes()[:4] == b"\x7fELF")


@pytest.mark.parametrize("program", installed_programs(), ids=lambda path: path.name)
def test_build_information_is_what_go_version_prints(program: Path) -> None:
    done = subprocess.run(("go", "version", "-m", "-json", program), capture_output=True, check=True)
    expected = json.loads(done.stdout)
    with open(program, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        info = read_build_info(data, parse_elf(data))
    assert info is not None
    assert info.go_version == expected["GoVersion"]
    assert info.main_path == expected.get("Path", "")
    assert info.main_module == module_of(expected.get("Main", {}))
    assert list(info.modules) == [module_of(entry) for entry in expected.get("Deps") or []]
    assert list(info.settings) == [
        (row["Key"], row.get("Value", "")) for row in expected.get("Settings") or []
    ]


def module_of(entry: dict[str, object]) -> GoModule:
    """Turn one module of ``go version -m -json`` into ours."""
    replacement = entry.get("Replace")
    by = replacement if isinstance(replacement, dict) else {}
    return GoModule(
        path=str(entry.get("Path", "")),
        version=str(entry.get("Version", "")),
        sum=str(by.get("Sum") or entry.get("Sum") or ""),
        replaced_by=f"{by.get('Path', '')} {by.get('Version', '')}".strip(),
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program with one module, which a proxy of our own in a directory serves (nothing is fetched)."""
    root = tmp_path_factory.mktemp("project")
    for path, word in (("example.com/!dep", "Dep"), ("example.com/fork", "fork")):
        served = root / "proxy" / path / "@v"
        served.mkdir(parents=True)
        module = f"example.com/{word}"
        (served / "v1.2.0.info").write_text('{"Version":"v1.2.0"}')
        (served / "v1.2.0.mod").write_text(f"module {module}\n\ngo 1.22\n")
        with zipfile.ZipFile(served / "v1.2.0.zip", "w") as archive:
            archive.writestr(f"{module}@v1.2.0/go.mod", f"module {module}\n\ngo 1.22\n")
            code = 'package greet\n\n//go:noinline\nfunc Hello() string { return "hello\\n" }\n'
            archive.writestr(f"{module}@v1.2.0/greet/greet.go", code)
    (root / "main.go").write_text(MAIN)
    (root / "go.mod").write_text("module example.com/app\n\ngo 1.22\n\nrequire example.com/Dep v1.2.0\n")
    return root


def build(project: Path, *flags: str, **environment: str) -> Path:
    """Build the project; every call gets a file of its own."""
    if shutil.which("go") is None:
        pytest.skip("Go is not installed")
    output = project / f"program-{len(list(project.iterdir()))}"
    settings = {
        "GOPROXY": f"file://{project}/proxy",
        "GONOSUMDB": "*",
        "GOFLAGS": "-buildvcs=false -mod=mod -modcacherw",
        "GOMODCACHE": f"{project}/pkg/mod",
    }
    return go_build(project, output, *flags, **{**settings, **environment})


@pytest.mark.parametrize(
    ("flags", "environment", "has_symbol_table", "is_pie"),
    [
        ((), {}, True, False),
        (("-trimpath",), {}, True, False),
        (("-trimpath", "-ldflags=-s -w"), {}, False, False),
        (("-trimpath", "-ldflags=-s -w", "-buildmode=pie"), {}, False, True),
        (("-trimpath", "-ldflags=-s -w"), {"GOARCH": "arm64"}, False, False),
        (("-trimpath", "-ldflags=-s -w"), {"GOARCH": "s390x"}, False, False),
    ],
    ids=["plain", "trimpath", "stripped", "pie", "arm64", "s390x"],
)
def test_plain_program_hides_nothing(
    flags: tuple[str, ...], environment: dict[str, str], has_symbol_table: bool, is_pie: bool, project: Path
) -> None:
    elf, go = read(build(project, *flags, **environment))
    assert (elf.has_symbol_table, elf.is_pie, elf.machine) == (
        has_symbol_table,
        is_pie,
        environment.get("GOARCH", "amd64"),
    )
    assert elf.is_static is (not is_pie)  # Go links a PIE through the system's loader
    assert [(module.path, module.version) for module in go.modules] == [("example.com/Dep", "v1.2.0")]
    assert go.main_module.path == "example.com/app"
    assert (go.hidden_modules, go.weaver, go.has_woven_statements, go.is_woven) == ((), "", False, False)


@pytest.mark.parametrize("flags", [("-trimpath",), ()], ids=["trimpath", "full paths"])
def test_replaced_modules_are_not_hidden(flags: tuple[str, ...], project: Path) -> None:
    original = (project / "go.mod").read_text()
    try:
        (project / "go.mod").write_text(original + "\nreplace example.com/Dep => example.com/fork v1.2.0\n")
        _, go = read(build(project, *flags))
        assert go.modules[0].replaced_by == "example.com/fork v1.2.0"
        assert go.hidden_modules == ()
        local = project / "local"
        with zipfile.ZipFile(project / "proxy/example.com/!dep/@v/v1.2.0.zip") as archive:
            archive.extractall(local)
        (project / "go.mod").write_text(
            original + "\nreplace example.com/Dep => ./local/example.com/Dep@v1.2.0\n"
        )
        _, go = read(build(project, *flags))
        assert go.modules[0].replaced_by == "./local/example.com/Dep@v1.2.0 (devel)"
        assert go.hidden_modules == ()
    finally:
        (project / "go.mod").write_text(original)


def test_functions_are_found_without_a_symbol_table(project: Path) -> None:
    program = build(project, "-trimpath", "-ldflags=-s -w")
    data = program.read_bytes()
    table = find_line_table(data, parse_elf(data))
    assert table is not None
    functions = dict(function_sizes(data, parse_elf(data), table))
    assert {"main.main", "example.com/Dep/greet.Hello", "runtime.main"} <= set(functions)


def test_code_of_all_packages_is_the_whole_text_section(project: Path) -> None:
    program = build(project, "-trimpath", "-ldflags=-s -w")
    data = program.read_bytes()
    elf = parse_elf(data)
    table, text = find_line_table(data, elf), elf.section(".text")
    assert table is not None
    assert text is not None
    sizes = read_code_bytes(data, elf, table)
    assert 0 <= text.size_bytes - sum(size for _, size in sizes) < 64
    assert sizes[0][0] == "runtime"
    assert {"main", "example.com/Dep/greet"} <= {package for package, _ in sizes}
    with pytest.raises(FormatError, match=r"cut short|outside"):
        read_code_bytes(data[: table.function_table + 100], elf, table)


@pytest.mark.parametrize(
    ("function", "package"),
    [
        ("net/http.(*Server).Serve", "net/http"),
        ("main.main.func1", "main"),
        ("gopkg.in/yaml%2ev3.Marshal", "gopkg.in/yaml.v3"),
        ("a.b/c.F[go.shape.struct { x/y.Z }]", "a.b/c"),
        ("type:.eq.net/http.Header", ""),
        ("go:buildid", ""),
        ("memeqbody", ""),
    ],
)
def test_package_of_a_function(function: str, package: str) -> None:
    assert package_of(function) == package


@pytest.mark.parametrize("is_trimmed", [True, False])
def test_source_files_of_the_builder_are_seen(project: Path, is_trimmed: bool) -> None:
    _, go = read(build(project, *(("-trimpath",) if is_trimmed else ())))
    assert go.local_path.startswith("/") is not is_trimmed
    assert not go.local_path.endswith("/src/runtime/proc.go")


def with_generated_line(tmp_path: Path, *, is_stamped: bool, folder: str = "") -> Path:
    """Build a program whose line directives are what a weaver leaves."""
    stamp = f'os.Stdout.WriteString("{STAMP}")' if is_stamped else ""
    body = f"func main() {{\n//line {folder}<generated>:1\n{stamp}\nos.Exit(len(os.Args))\n}}\n"
    code = f'package main\n\nimport "os"\n\n{body}'
    (tmp_path / "main.go").write_text(code)
    (tmp_path / "go.mod").write_text("module example.com/app\n\ngo 1.22\n")
    return go_build(tmp_path, tmp_path / "program", "-trimpath", "-ldflags=-s -w")


@pytest.mark.parametrize("folder", ["", "orchestrion/src/main/"])
def test_stamped_program_with_generated_lines_is_woven(tmp_path: Path, folder: str) -> None:
    """Go 1.27 puts the package's folder before the name of a directive that has none."""
    _, go = read(with_generated_line(tmp_path, is_stamped=True, folder=folder))
    assert (go.weaver, go.has_woven_statements, go.is_woven) == ("v1.15.0", True, True)


def test_generated_lines_alone_are_no_proof(tmp_path: Path) -> None:
    _, go = read(with_generated_line(tmp_path, is_stamped=False))
    assert (go.weaver, go.has_woven_statements, go.is_woven) == ("", True, False)


def test_module_that_build_information_conceals_is_found(project: Path) -> None:
    program = build(project, "-trimpath", "-ldflags=-s -w")
    data = program.read_bytes()
    # What a compiler wrapper does: the module is linked in, and the list does not have it.
    concealed = data.replace(b"dep\texample.com/Dep\t", b"dep\texample.com/Xxx\t")
    facts = read_go_facts(concealed, parse_elf(concealed))
    assert facts is not None
    assert facts.hidden_modules == (GoModule(path="example.com/Dep", version="v1.2.0"),)


def without_sections(data: bytes) -> bytes:
    """Take the section headers away, as sstrip does (64-bit: e_shoff at 40, e_shnum and e_shstrndx at 60)."""
    return data[:40] + bytes(8) + data[48:60] + bytes(4) + data[64:]


def test_program_without_section_headers_shows_the_same(project: Path) -> None:
    data = build(project, "-trimpath", "-ldflags=-s -w").read_bytes()
    bare = without_sections(data)
    assert parse_elf(bare).sections == ()
    assert read_go_facts(bare, parse_elf(bare)) == read_go_facts(data, parse_elf(data))


def test_a_program_not_made_by_go_has_no_facts() -> None:
    data = Path("/bin/sh").read_bytes()
    assert read_go_facts(data, parse_elf(data)) is None


@pytest.fixture(scope="module")
def whole(project: Path) -> bytes:
    return build(project, "-trimpath", "-ldflags=-s -w").read_bytes()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damaged_tables_only_give_format_errors(whole: bytes, data: st.DataObject) -> None:
    elf = parse_elf(whole)
    table = elf.section(".gopclntab")
    info = elf.section(".go.buildinfo")
    assert table is not None
    assert info is not None
    start = data.draw(st.sampled_from((0, table.offset, info.offset)))
    damage = data.draw(st.binary(min_size=1, max_size=40))
    at = start + data.draw(st.integers(0, 120))
    broken = whole[:at] + damage + whole[at + len(damage) :]
    with suppress(FormatError):
        read_go_facts(broken, parse_elf(broken))
