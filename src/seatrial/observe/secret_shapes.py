"""What a secret looks like: in a file's bytes, by a file's name, in a setting's name and value.

Few false alarms matter more than many patterns: every token has its issuer's prefix and length, a key
must have its body, and what is plainly a placeholder is none. Prefixes: the issuers' documentation, as
collected by gitleaks (config/gitleaks.toml). Nothing here returns the secret.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

_LEAST_DISTINCT: Final = 10
_PLACEHOLDER: Final = re.compile(
    r"example|placeholder|change.?me|dummy|redacted|x{4}|\*{3}|your[-_ ]|todo|insert|replace", re.IGNORECASE
)
# Each shape begins with plain letters, which the regular expressions are quick to search; only then is it
# looked at whether it stands alone. The first group is the random part.
_TOKENS: Final = tuple(
    (re.compile(shape), re.compile(rb"(?<![A-Za-z0-9_-])" + shape + rb"(?![A-Za-z0-9_-])"), kind)
    for shape, kind in (
        (rb"A[KS]IA([A-Z2-7]{16})", "AWS access key"),
        (rb"gh[pousr]_([A-Za-z0-9]{36,76})", "GitHub token"),
        (rb"github_pat_([A-Za-z0-9_]{82})", "GitHub token"),
        (rb"glpat-([A-Za-z0-9_-]{20,})", "GitLab token"),
        (rb"xox[abeoprs]-([0-9]{8,}-[A-Za-z0-9-]{20,})", "Slack token"),
        (
            rb"hooks\.slack\.com/services/(T[A-Z0-9]{8,}/B[A-Z0-9]{8,}/[A-Za-z0-9]{24})",
            "Slack webhook",
        ),
        (rb"sk_live_([A-Za-z0-9]{24,})", "Stripe key"),
        (rb"rk_live_([A-Za-z0-9]{24,})", "Stripe key"),
        (rb"GOCSPX-([A-Za-z0-9_-]{28})", "Google client secret"),
        (rb"npm_([A-Za-z0-9]{36})", "npm token"),
        (rb"pypi-AgEIcHlwaS5vcmc([A-Za-z0-9_-]{50,})", "PyPI token"),
        (rb"dckr_pat_([A-Za-z0-9_-]{27})", "Docker Hub token"),
        (rb"hvs\.([A-Za-z0-9_-]{24,})", "Vault token"),
        (rb"SG\.([A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43})", "SendGrid key"),
        (rb"sk-ant-api([0-9]{2}-[A-Za-z0-9_-]{80,})", "Anthropic key"),
        (rb"AGE-SECRET-KEY-(1[0-9A-Z]{58})", "age key"),
    )
)
_AWS_SECRET: Final = re.compile(
    rb"(?i)aws_?secret_?(?:access_?)?key[\"']?\s*[=:]\s*[\"']?([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"
)
_LINE_END: Final = rb"(?:\s|\\r|\\n|[\"'+])*"
_KEY: Final = re.compile(
    rb"-----BEGIN (?:[A-Z0-9]{1,20} ){0,2}PRIVATE KEY(?: BLOCK)?-----"
    + _LINE_END
    + rb"(?:[A-Za-z-]{4,20}: [^\n\\]{0,200}"
    + _LINE_END
    + rb"){0,4}[A-Za-z0-9+/=]{40}"
)
_PUTTY: Final = re.compile(rb"\APuTTY-User-Key-File-[23]: ")
_URL_PASSWORD: Final = re.compile(
    r"[a-z][a-z0-9+.-]{1,20}://[^\s/:@\"'<>]*:([^\s/@\"'<>]{3,200})@[\w.\[-]", re.ASCII
)

# The parts of a setting's name, between underscores, that say: this is a secret.
_SECRET_ENDS: Final = ("PASSWORD", "PASSWD", "SECRET", "TOKEN", "APIKEY", "PASSPHRASE")
_SECRET_PARTS: Final = frozenset(
    ("PASS", "PWD", "CREDENTIAL", "CREDENTIALS", "PRIVATEKEY", "ACCESSKEY", "SECRETKEY")
)
_SECRET_PAIRS: Final = frozenset(
    f"{first}_KEY" for first in ("API", "PRIVATE", "ACCESS", "SECRET", "ENCRYPTION", "SIGNING", "MASTER")
)
# A name that ends so speaks about a secret, and does not hold it.
_ABOUT: Final = frozenset(
    [
        "FILE",
        "PATH",
        "DIR",
        "NAME",
        "ID",
        "URL",
        "URI",
        "TTL",
        "EXPIRY",
        "EXPIRATION",
        "LENGTH",
        "SIZE",
        "HEADER",
        "ISSUER",
        "ENDPOINT",
        "TYPE",
        "ALGORITHM",
        "COUNT",
        "LIMIT",
        "ENABLED",
        "REQUIRED",
        "DUMMY",
        "PARALLELISM",
        "HOST",
        "PORT",
        "AUDIENCE",
        "SHA256",
        "VERSION",
    ]
)
_NO_VALUE: Final = frozenset(
    (
        "true",
        "false",
        "yes",
        "no",
        "none",
        "null",
        "nil",
        "on",
        "off",
        "disabled",
        "enabled",
        "optional",
        "auto",
    )
)
_REFERENCE: Final = re.compile(r"[$%<{(*]|/[\w.+/-]*$|(?:file|vault|env|op|arn|secret|projects?)[:/]")


def token_kinds(content: bytes) -> list[str]:
    """Return what kinds of keys and tokens these bytes hold, each once."""
    kinds = []
    if b"PRIVATE KEY" in content and _KEY.search(content):
        is_gcp = b'"service_account"' in content
        kinds.append("GCP service account key" if is_gcp else "private key")
    if b"PuTTY-User-Key-File-" in content and _PUTTY.match(content):
        kinds.append("private key")
    for probe, shape, kind in _TOKENS:
        if probe.search(content) is None or kind in kinds:
            continue
        if any(_is_random(match[1]) for match in shape.finditer(content)):
            kinds.append(kind)
    if (b"ecret" in content or b"SECRET" in content) and any(
        _is_random(match[1]) for match in _AWS_SECRET.finditer(content)
    ):
        kinds.append("AWS secret key")
    return kinds


def is_secret_setting(name: str, value: str) -> bool:
    """Whether a variable's name says "secret" and its value is one, or is a URL with a password."""
    value = value.strip().strip("\"'")
    return has_url_password(value) or (_names_secret(name) and is_real_value(value))


def is_real_value(value: str) -> bool:
    """False for what stands in a secret's place: nothing, a switch, a number, a reference, a placeholder."""
    value = value.strip().strip("\"'")
    if len(value) < 4 or value.lower() in _NO_VALUE or _REFERENCE.match(value) or _PLACEHOLDER.search(value):
        return False
    return len(set(value)) > 2 and not (value.isdecimal() and len(value) < 6)


def has_url_password(text: str) -> bool:
    """Whether a URL with a password is in a text (RFC 3986, 3.2.1)."""
    return "://" in text and any(is_real_value(match[1]) for match in _URL_PASSWORD.finditer(text))


def _names_secret(name: str) -> bool:
    parts = (
        re.sub(r"[^A-Z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper()).strip("_").split("_")
    )
    if name.upper() in {"PWD", "OLDPWD"} or parts[-1] in _ABOUT:
        return False
    if any(part.endswith(_SECRET_ENDS) or part in _SECRET_PARTS for part in parts):
        return True
    return any(f"{first}_{second}" in _SECRET_PAIRS for first, second in pairwise(parts))


def _is_random(body: bytes) -> bool:
    """Tokens are random: a body of few letters, or one that says "example", is documentation."""
    return len(set(body)) >= _LEAST_DISTINCT and not _PLACEHOLDER.search(body.decode("ascii", "replace"))
