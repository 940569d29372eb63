"""Which of several main packages is the service: the one whose own code serves, when only one does."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from seatrial.errors import ProjectError
from seatrial.host.recipes import read_recipe
from seatrial.toolchains.go.packages import ListedPackage

# How a program comes to listen, in its own code: net/http and net, and what the common frameworks are
# set up with. A client, a code generator or a migration has none of these.
_SERVES: Final = re.compile(
    r"\b(?:http\.Server\{|(?:http|fcgi|h2c)\.Serve(?:TLS)?\(|ListenAndServe(?:TLS)?\(|net\.Listen\("
    r"|gin\.(?:Default|New)\(|echo\.New\(|fiber\.New\(|iris\.(?:New|Default)\(|grpc\.NewServer\("
    r"|fasthttp\.Server\{|beego\.Run\(|web\.Run\(|rest\.MustNewServer\()"
)
_COMMENT: Final = re.compile(r"^\s*//.*$", re.MULTILINE)
# Folders of programs that are about the service, and are not it.
_ASIDE: Final = frozenset(
    {"example", "examples", "_examples", "demo", "demos", "tool", "tools", "hack", "script", "scripts"}
    | {"test", "tests", "testing", "testdata", "e2e", "integration", "mock", "mocks", "internal", "docs"}
)


def choose(
    mains: tuple[ListedPackage, ...],
    root: Path,
    argument: Callable[[ListedPackage], str],
    dependencies: Callable[[], tuple[ListedPackage, ...]],
    *,
    origin: Path,
) -> tuple[ListedPackage, tuple[str, ...]]:
    """Return the service's package of at least two, and a note that says how it was known.

    A directory that is a main package is what it says, whatever programs lie below it (``go build``
    takes it, too). Else it is the only one that serves; of those, the only one that is not aside in a
    folder such as tools; of those, the only one that the Dockerfile names. argument: what --main calls a
    package. dependencies: asks Go for the packages of all of them. origin: the user's directory.
    Raises ProjectError with their list when more than one is left.
    """
    others = len(mains) - 1
    for package in mains:
        if package.directory == root:
            return package, (f"building the main package in {origin}, not {_below(others)}: see --main",)
    serving = _serving(mains, dependencies())
    best = serving or mains
    for narrower in (
        tuple(package for package in best if not _is_aside(package, root)),
        _named_in_recipe(best, root, argument),
    ):
        if len(best) > 1 and narrower:
            best = tuple(package for package in best if package in narrower) or best
    if len(best) == 1:
        why = f"of {len(mains)} main packages the one that serves"
        if not serving:
            why = f"of {len(mains)} main packages the one that its Dockerfile builds"
        return best[0], (f"building {argument(best[0])}, {why}: see --main",)
    names = "\n".join(f"  --main {argument(package)}" for package in best)
    less = len(mains) - len(best)
    words = f"\n({less} more that {'does' if less == 1 else 'do'} not serve)" if less else ""
    raise ProjectError(
        f"{len(mains)} main packages, and only one can be the server",
        where=str(origin),
        hint=f'choose one (or set [service] main = "…" in seatrial.toml):\n{names}{words}',
    )


def _below(count: int) -> str:
    return "the one below it" if count == 1 else f"one of {count} below it"


def _is_aside(package: ListedPackage, root: Path) -> bool:
    parts = package.directory.relative_to(root).parts if package.directory.is_relative_to(root) else ()
    return bool(_ASIDE & set(parts))


def _serving(
    mains: tuple[ListedPackage, ...], dependencies: tuple[ListedPackage, ...]
) -> tuple[ListedPackage, ...]:
    """Return those of which a package of the service's own modules serves."""
    known = {package.import_path: package for package in dependencies}
    answers: dict[str, bool] = {}
    return tuple(package for package in mains if _reaches_server(package.import_path, known, answers))


def _reaches_server(path: str, known: Mapping[str, ListedPackage], answers: dict[str, bool]) -> bool:
    seen, left = {path}, [path]
    while left:
        package = known.get(left.pop())
        if package is None or not _is_own(package):
            continue
        if package.import_path not in answers:
            answers[package.import_path] = any(_serves(file) for file in package.files)
        if answers[package.import_path]:
            return True
        new = set(package.imports) - seen
        seen |= new
        left.extend(new)
    return False


def _is_own(package: ListedPackage) -> bool:
    module = package.module
    return module is not None and (module.is_main or module.replacement_directory is not None)


def _serves(file: Path) -> bool:
    if file.suffix != ".go":
        return False
    try:
        text = file.read_text(errors="replace")
    except OSError:
        return False
    return bool(_SERVES.search(_COMMENT.sub("", text)))


def _named_in_recipe(
    mains: tuple[ListedPackage, ...], root: Path, argument: Callable[[ListedPackage], str]
) -> tuple[ListedPackage, ...]:
    """Return those that its Dockerfile compiles."""
    compiled = re.findall(r"\bgo (?:build|install)\b(?:[^\n]*\\\n)*[^\n]*", read_recipe((root,)))
    text = "\n".join(compiled)
    found = []
    for package in mains:
        word = re.escape(argument(package).removeprefix("./"))
        if re.search(rf"(?<![\w.-]){word}(?:/?(?=[\s;&\"']|$)|/main\.go)", text):
            found.append(package)
    return tuple(found)
