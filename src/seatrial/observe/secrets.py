"""Secrets in files and in an image's configuration, found by shape and by name; never kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from seatrial.formats.jsonvalue import as_table, table_at, text_at, texts_at
from seatrial.model.facts import PathFact, SecretFact
from seatrial.observe.secret_shapes import has_url_password, is_real_value, is_secret_setting, token_kinds

LARGEST_SCANNED: Final = 1 << 20
GIT_REPOSITORY: Final = "git repository"
_CONFIGURATION: Final = -1

# Documentation and tests carry keys that open nothing; and what a public registry or a distribution gave
# out (modules, packages, the standard libraries) is no secret of this image's.
_SKIPPED_DIRECTORIES: Final = re.compile(
    r"(?:^|/)(?:docs?|man|info|locale|zoneinfo|i18n|gconv|perl5?|python3(?:\.\d+)?|(?:site|dist)-packages"
    r"|node_modules|pkg/mod|usr/local/go|ca-certificates|__pycache__|\.github|_?_?tests?[^/]*|[^/]*fixtures?"
    r"|examples?|samples?)/"
)
_SKIPPED_ENDS: Final = (
    ".pyc", ".mo", ".gz", ".xz", ".bz2", ".zst", ".zip", ".png", ".jpg", ".svg", ".gif", ".woff", ".woff2",
    ".ttf", ".so", ".a", ".o", ".md5sums", ".list", ".pub", ".crt", ".html", ".md", ".rst",
    "_test.go", "_test.py", ".test.js", ".test.ts", ".spec.js", ".spec.ts",
)  # fmt: skip
_BINARY: Final = (b"\x7fELF", b"TZif", b"\x1f\x8b", b"\xde\x12\x04\x95")
_TEMPLATES: Final = (".example", ".sample", ".template", ".dist", ".defaults", ".tmpl", ".test")
_ASSIGNMENT: Final = re.compile(r"""([A-Za-z_][A-Za-z0-9_.-]*)=("[^"]*"|'[^']*'|[^\s;&|]+)""")
_FLAG: Final = re.compile(
    r"--?(?:[a-z]+-)*(?:password|passwd|token|secret|api-?key)(?:=|\s+)(\"[^\"]*\"|'[^']*'|[^\s;&|-][^\s;&|]*)"
)
_ENV_LINE: Final = re.compile(r"(?m)^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=[ \t]*(.+)$")


def may_hold_secret(path: str) -> bool:
    """Whether a file is worth reading, by its path alone."""
    return not path.endswith(_SKIPPED_ENDS) and not _SKIPPED_DIRECTORIES.search(path)


def secrets_in_file(fact: PathFact, content: bytes) -> Iterator[str]:
    """Yield the kinds of secrets in one small file; each at most once."""
    if content.startswith(_BINARY) or not may_hold_secret(fact.path):
        return
    name = fact.path.rpartition("/")[2]
    kinds = token_kinds(content)
    by_name = _kind_by_name(fact.path, name)
    if by_name is not None and by_name[0](content.decode(errors="replace")):
        kinds.append(by_name[1])
    yield from kinds


def secret_by_path(fact: PathFact) -> tuple[str, str] | None:
    """Return (path, kind) of what a path alone gives away; None for nothing."""
    if fact.kind == "file" and (fact.path == ".git/HEAD" or fact.path.endswith("/.git/HEAD")):
        return fact.path.removesuffix("/HEAD"), GIT_REPOSITORY
    return None


def secrets_in_config(
    config: dict[str, object],
    layers_of_history: tuple[int, ...],
    annotations: tuple[tuple[str, str], ...] = (),
) -> tuple[SecretFact, ...]:
    """Return what the documents give away: Env, Labels, annotations, the command lines, and the history.

    layers_of_history: for each history entry, the layer that it made, or -1. annotations: the manifest's.
    Raises FormatError for a wrong shape.
    """
    process = table_at(config, "config")
    found: dict[tuple[str, str], SecretFact] = {}

    def note(place: str, kind: str, layer: int = _CONFIGURATION) -> None:
        found.setdefault((place, kind), SecretFact(path=place, kind=kind, layer=layer, is_hidden=False))

    pairs = [("Env", *variable.partition("=")[::2]) for variable in texts_at(process, "Env")]
    labels = table_at(process, "Labels")
    pairs += [("Labels", name, text_at(labels, name)) for name in labels]
    pairs += [("annotation", *pair) for pair in annotations]
    for place, name, value in pairs:
        kinds = token_kinds(value.encode(errors="replace"))
        if not kinds and is_secret_setting(name, value):
            kinds = ["secret setting"]
        for kind in kinds:
            note(f"{place} {name}", kind)
    commands = {key: texts_at(process, key) for key in ("Entrypoint", "Cmd")}
    commands["Healthcheck"] = texts_at(table_at(process, "Healthcheck"), "Test")
    for key, words in commands.items():
        for kind in secrets_in_command(" ".join(words)):
            note(key, kind)
    for number, layer in enumerate(layers_of_history):
        entry = as_table(_item(config, "history", number))
        for kind in secrets_in_command(text_at(entry, "created_by")):
            note(f"history entry {number + 1}", kind, layer)
    return tuple(found.values())


def secrets_in_command(command: str) -> list[str]:
    """Return the kinds of secrets in a command line, or in an instruction of a Dockerfile."""
    kinds = token_kinds(command.encode(errors="replace"))
    if kinds:
        return kinds
    settings = any(is_secret_setting(match[1], match[2]) for match in _ASSIGNMENT.finditer(command))
    flags = any(is_real_value(match[1]) for match in _FLAG.finditer(command))
    return ["secret on a command line"] if settings or flags or has_url_password(command) else []


def _kind_by_name(path: str, name: str) -> tuple[Callable[[str], bool], str] | None:
    if (name.startswith(".env") or name.endswith(".env")) and not name.endswith(_TEMPLATES):
        return _has_secret_setting, "dotenv file"
    last_two = "/".join(path.rsplit("/", 2)[-2:])
    return _BY_NAME.get(name) or _BY_NAME.get(last_two)


def _has_secret_setting(text: str) -> bool:
    return any(is_secret_setting(match[1], match[2]) for match in _ENV_LINE.finditer(text))


def _matching(shape: str) -> Callable[[str], bool]:
    """Return a look for a shape whose first group is a value that is real."""
    compiled = re.compile(shape)
    return lambda text: any(is_real_value(match[1]) for match in compiled.finditer(text))


# Name, or directory and name -> what its content must show, and what it then is.
_BY_NAME: Final[dict[str, tuple[Callable[[str], bool], str]]] = {
    ".netrc": (_matching(r"\bpassword\s+(\S+)"), "netrc password"),
    "_netrc": (_matching(r"\bpassword\s+(\S+)"), "netrc password"),
    ".npmrc": (_matching(r"(?m)_(?:authToken|password|auth)\s*=\s*(\S+)"), "npm credentials"),
    ".pypirc": (_matching(r"(?m)^\s*password\s*[:=]\s*(\S+)"), "PyPI credentials"),
    ".dockercfg": (_matching(r'"(?:auth|identitytoken)"\s*:\s*"([^"]+)"'), "registry credentials"),
    ".docker/config.json": (_matching(r'"(?:auth|identitytoken)"\s*:\s*"([^"]+)"'), "registry credentials"),
    ".kube/config": (_matching(r"(?:client-key-data|token|password)\s*:\s*(\S+)"), "Kubernetes credentials"),
    "kubeconfig": (_matching(r"(?:client-key-data|token|password)\s*:\s*(\S+)"), "Kubernetes credentials"),
    ".git-credentials": (has_url_password, "git credentials"),
    ".git/config": (has_url_password, "git credentials"),
    ".pgpass": (_matching(r"(?m)^[^#:\n]+:[^:\n]*:[^:\n]*:[^:\n]*:(.+)$"), "PostgreSQL password"),
    ".my.cnf": (_matching(r"(?m)^\s*password\s*=\s*(\S+)"), "MySQL password"),
    ".vault-token": (_matching(r"\A(\S+)"), "Vault token"),
    ".aws/credentials": (_matching(r"(?m)^\s*aws_secret_access_key\s*=\s*(\S+)"), "AWS secret key"),
    "application_default_credentials.json": (_matching(r'"refresh_token": *"([^"]+)"'), "GCP credentials"),
    "terraform.tfstate": (_matching(r'("terraform_version")'), "Terraform state"),
    "terraform.tfstate.backup": (_matching(r'("terraform_version")'), "Terraform state"),
    "etc/shadow": (_matching(r"(?m)^[^:\n]+:(?=\$[0-9a-z]+)\$(\S+?):"), "password hash"),
}  # fmt: skip


def _item(config: dict[str, object], key: str, number: int) -> object:
    rows = config.get(key)
    return rows[number] if isinstance(rows, list) and number < len(rows) else {}
