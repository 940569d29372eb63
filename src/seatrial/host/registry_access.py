"""Where a registry's API is, and as whom it is asked: Docker's names, mirrors and credentials.

Credentials are those of ``docker login``: config.json in $DOCKER_CONFIG or ~/.docker, its helpers included
(docs.docker.com, "docker login"). They are handed to the registry's own token server only.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from seatrial.errors import ConfigError, FormatError, SeatrialError
from seatrial.formats.jsonvalue import as_table, table_at, text_at, texts_at
from seatrial.host.process import run

MIRRORS_VARIABLE: Final = "SEATRIAL_REGISTRY_MIRRORS"
DOCKER_HUB: Final = "docker.io"
_DAEMON_SETTINGS: Final = Path("/etc/docker/daemon.json")
_HELPER_TIMEOUT_S: Final = 30.0
_LOOPBACK: Final = re.compile(r"(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_PATH: Final = re.compile(r"[a-z0-9]+(?:[._/-]+[a-z0-9]+)*")


@dataclass(frozen=True, kw_only=True)
class Repository:
    """An image without tag and digest. registry: "docker.io" or HOST[:PORT]; path: "library/golang"."""

    registry: str
    path: str


def parse_repository(name: str) -> Repository:
    """Read "golang", "ghcr.io/o/n" or "localhost:5000/n" (reference grammar of distribution).

    Raises ConfigError.
    """
    first, slash, rest = name.partition("/")
    is_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    registry, path = (first, rest) if is_host else (DOCKER_HUB, name)
    if registry in {"index.docker.io", "registry-1.docker.io"}:
        registry = DOCKER_HUB
    if registry == DOCKER_HUB and "/" not in path:
        path = f"library/{path}"
    if not _PATH.fullmatch(path):
        raise ConfigError(f"{name!r} is not an image's name", where="seatrial.lock")
    return Repository(registry=registry, path=path)


def is_tag(text: str) -> bool:
    """Return whether a registry can have that tag (distribution-spec, "Pulling manifests")."""
    return bool(_TAG.fullmatch(text))


def endpoints(repository: Repository, env: Mapping[str, str]) -> str:
    """Return the URL of the API's repository, such as "https://ghcr.io/v2/o/n".

    A mirror comes from $SEATRIAL_REGISTRY_MIRRORS, which is "REGISTRY=URL" in words, else for Docker Hub
    the first of Docker's own ("registry-mirrors" in daemon.json). Loopback is asked without TLS, as
    Docker does. Raises ConfigError for a mirror that is no URL.
    """
    mirror = _mirrors(env).get(repository.registry, "")
    if not mirror:
        host = "registry-1.docker.io" if repository.registry == DOCKER_HUB else repository.registry
        mirror = f"{'http' if _LOOPBACK.fullmatch(host) else 'https'}://{host}"
    parts = urlsplit(mirror)
    prefix = f"{parts.path.strip('/')}/" if parts.path.strip("/") else ""
    return f"{parts.scheme}://{parts.netloc}/v2/{prefix}{repository.path}"


def _mirrors(env: Mapping[str, str]) -> dict[str, str]:
    found = _docker_mirror()
    for word in env.get(MIRRORS_VARIABLE, "").split():
        registry, equals, url = word.partition("=")
        if not equals or urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).netloc:
            raise ConfigError(
                f"{word!r} is not REGISTRY=URL",
                where=MIRRORS_VARIABLE,
                hint='such as "docker.io=https://mirror.example.com gcr.io=https://mirror.example.com/gcr"',
            )
        found[registry] = url
    return found


def _docker_mirror() -> dict[str, str]:
    try:
        settings = as_table(json.loads(_DAEMON_SETTINGS.read_bytes()))
        mirrors = texts_at(settings, "registry-mirrors")
    except (OSError, ValueError, FormatError):
        return {}  # Docker's own business
    return {DOCKER_HUB: mirrors[0]} if mirrors else {}


def credentials(registry: str, env: Mapping[str, str]) -> str:
    """Return "user:password" for a registry, or "" to ask as nobody.

    registry: the one that is really asked, such as a mirror's host. Raises ConfigError for a config.json
    that cannot be read; a helper that fails or knows nothing means nobody.
    """
    home = env.get("HOME", "")
    directory = env.get("DOCKER_CONFIG", "") or (f"{home}/.docker" if home else "")
    path = Path(directory, "config.json")
    if not directory or not path.is_file():
        return ""
    try:
        settings = as_table(json.loads(path.read_bytes()))
        helper = text_at(table_at(settings, "credHelpers"), registry) or text_at(settings, "credsStore")
        auths = table_at(settings, "auths")
        keys = [key for key in auths if _host_of(key) == registry]
        entry = as_table(auths[keys[0]]) if keys else {}
        plain = text_at(entry, "auth")
        found = b64decode(plain).decode() if plain else ""
    except (OSError, ValueError, FormatError) as error:
        raise ConfigError(
            f"cannot be read: {error}", where=str(path), hint="docker login writes it"
        ) from error
    return found or (_from_helper(helper, _key_of(registry), env) if helper else "")


def _host_of(key: str) -> str:
    """Return the registry of a key in "auths", which is a host or a URL."""
    host = key.partition("://")[2] or key
    host = host.partition("/")[0]
    return DOCKER_HUB if host in {"index.docker.io", "registry-1.docker.io"} else host


def _key_of(registry: str) -> str:
    return "https://index.docker.io/v1/" if registry == DOCKER_HUB else registry


def _from_helper(helper: str, key: str, env: Mapping[str, str]) -> str:
    """Ask docker-credential-HELPER (github.com/docker/docker-credential-helpers, "get")."""
    if not re.fullmatch(r"[\w.-]+", helper):
        return ""
    try:
        done = run(
            (f"docker-credential-{helper}", "get"),
            cwd=Path("/"),
            env=env,
            timeout_s=_HELPER_TIMEOUT_S,
            stdin=key.encode(),
        )
        answer = as_table(json.loads(done.stdout)) if done.returncode == 0 else {}
        user, secret = text_at(answer, "Username"), text_at(answer, "Secret")
    except (SeatrialError, ValueError):
        return ""
    # "<token>" is an identity token of OAuth2, which is no password.
    return f"{user}:{secret}" if user and user != "<token>" else ""


def basic(user_and_password: str) -> str:
    """Return the Authorization header of those credentials, or "" without any (RFC 7617)."""
    return f"Basic {b64encode(user_and_password.encode()).decode()}" if user_and_password else ""
