"""What an image registry says of tags: digests, names, a configuration (OCI distribution-spec 1.1).

Nothing is pulled. A digest is asked for with HEAD, which Docker Hub does not count as a pull.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode, urljoin, urlsplit

from seatrial.errors import FormatError, NetworkError, UntrustedInput
from seatrial.formats.jsonvalue import as_table, table_at, text_at, texts_at
from seatrial.formats.oci import (
    DOCKER_INDEX,
    DOCKER_MANIFEST,
    INDEX,
    MANIFEST,
    Descriptor,
    parse_index,
    parse_manifest,
)
from seatrial.host.download import shown_url
from seatrial.host.exchange import Answer, Caller
from seatrial.host.registry_access import Repository, basic, credentials, endpoints

_ACCEPT: Final = {"Accept": ", ".join((INDEX, DOCKER_INDEX, MANIFEST, DOCKER_MANIFEST))}
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_PARAMETER: Final = re.compile(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,"]+))')
_PAGES: Final = 40
_PAGE: Final = 1000


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """Of an image: the environment that it sets, and when it was made, in its own words (RFC 3339) or ""."""

    variables: Mapping[str, str]
    created: str


@dataclass(kw_only=True)
class Registry:
    """One repository of a registry, asked by one thread. Holds the token that it was given."""

    repository: Repository
    env: Mapping[str, str]
    caller: Caller = field(default_factory=Caller)
    _authorization: str = ""

    def digest(self, tag: str) -> str | None:
        """Return what a tag points at, or None when there is no such tag.

        Raises NetworkError (no answer, or a refusal), UntrustedInput (no digest).
        """
        answer = self._ask(f"/manifests/{tag}", method="HEAD", headers=_ACCEPT)
        if answer.status == 404:
            return None
        if answer.status not in {400, 405}:
            answer.checked()
        if answer.status >= 400 or not answer.headers.get("docker-content-digest"):
            # The header is only recommended, and HEAD was not always allowed: the body says as much.
            answer = self._ask(f"/manifests/{tag}", headers=_ACCEPT)
            if answer.status == 404:
                return None
            answer.checked()
            return f"sha256:{hashlib.sha256(answer.body).hexdigest()}"
        found = answer.headers["docker-content-digest"]
        if not _DIGEST.fullmatch(found):
            raise UntrustedInput(
                f"{found[:80]!r} is no sha256 digest", where=self._shown(f"/manifests/{tag}")
            )
        return found

    def configuration(self, digest: str, architecture: str) -> Configuration | None:
        """Return what an image's configuration says; None when it has no such platform.

        digest: of an index or a manifest. Raises NetworkError, UntrustedInput (other bytes than promised).
        """
        content = self._verified(f"/manifests/{digest}", digest)
        if "manifests" in _table(content, self._shown(f"/manifests/{digest}")):
            entry = self._of_platform(content, architecture)
            if entry is None:
                return None
            content = self._verified(f"/manifests/{entry.digest}", entry.digest)
        try:
            config = parse_manifest(content).config.digest
        except FormatError as error:
            raise UntrustedInput(
                f"not an image: {error}", where=self._shown(f"/manifests/{digest}")
            ) from error
        place = f"/blobs/{config}"
        table = _table(self._verified(place, config), self._shown(place))
        try:
            words = texts_at(table_at(table, "config"), "Env")
            created = text_at(table, "created")
        except FormatError as error:
            raise UntrustedInput(f"not a configuration: {error}", where=self._shown(place)) from error
        variables = dict(word.split("=", 1) for word in words if "=" in word)
        return Configuration(variables=variables, created=created)

    def tags(self) -> tuple[str, ...] | None:
        """Return all tags; None where a registry does not list them.

        Raises NetworkError, UntrustedInput.
        """
        found: list[str] = []
        path = f"/tags/list?n={_PAGE}"
        for _ in range(_PAGES):
            answer = self._ask(path)
            if answer.status in {404, 405, 501}:
                return None
            table = _table(answer.checked().body, self._shown(path))
            try:
                found += texts_at(table, "tags")
            except FormatError as error:
                raise UntrustedInput(f"not a list of tags: {error}", where=self._shown(path)) from error
            following = re.match(r"<([^>]+)>\s*;.*rel=\"?next", answer.headers.get("link", ""))
            if following is None:
                return tuple(found)
            path = f"/tags/list?{urlsplit(urljoin(answer.url, following[1])).query}"
        return tuple(found)

    def _of_platform(self, index: bytes, architecture: str) -> Descriptor | None:
        try:
            entries = parse_index(index)
        except FormatError as error:
            raise UntrustedInput(f"not an index: {error}", where=self._shown("/manifests")) from error
        for entry in entries:
            platform = entry.platform
            if platform and (platform.os, platform.architecture) == ("linux", architecture):
                return entry
        return None

    def _verified(self, path: str, digest: str) -> bytes:
        answer = self._ask(path, headers=_ACCEPT).checked()
        found = f"sha256:{hashlib.sha256(answer.body).hexdigest()}"
        if found != digest:
            raise UntrustedInput(f"{found}, {digest} was promised", where=self._shown(path))
        return answer.body

    def _shown(self, path: str) -> str:
        return shown_url(endpoints(self.repository, self.env) + path)

    def _ask(self, path: str, *, method: str = "GET", headers: Mapping[str, str] | None = None) -> Answer:
        """Ask, and once more with what the registry wants to see (its WWW-Authenticate)."""
        url = endpoints(self.repository, self.env) + path
        answer = self.caller.ask(url, method=method, headers=headers, authorization=self._authorization)
        if answer.status != 401:
            return answer
        self._authorization = self._authorized(answer)
        again = self.caller.ask(url, method=method, headers=headers, authorization=self._authorization)
        if again.status in {401, 403}:
            raise NetworkError(
                f"HTTP {again.status}: {self.repository.registry} does not show {self.repository.path}"
                " to these credentials",
                where=shown_url(url),
                hint=f"docker login {self.repository.registry}",
            )
        return again

    def _authorized(self, refusal: Answer) -> str:
        """Return the Authorization header that a refusal's WWW-Authenticate wants to see (RFC 9110)."""
        scheme, _, rest = refusal.headers.get("www-authenticate", "").partition(" ")
        words = {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(rest)}
        own = urlsplit(refusal.url).netloc.rpartition("@")[2]
        # A mirror has credentials of its own, if any.
        known = credentials(self.repository.registry if own == "registry-1.docker.io" else own, self.env)
        if scheme.lower() == "basic" and known:
            return basic(known)
        if scheme.lower() == "bearer" and words.get("realm"):
            return f"Bearer {self._token(words, basic(known), refusal.url)}"
        raise NetworkError(
            "HTTP 401: the registry wants a password",
            where=shown_url(refusal.url),
            hint=f"docker login {self.repository.registry}",
        )

    def _token(self, words: Mapping[str, str], authorization: str, refused_url: str) -> str:
        """Ask the token server that a challenge names (distribution, "Token Authentication")."""
        realm = words["realm"]
        if urlsplit(realm).scheme != "https" and urlsplit(refused_url).scheme == "https":
            raise NetworkError("the registry asks for a token without TLS", where=shown_url(realm))
        scope = words.get("scope") or f"repository:{self.repository.path}:pull"
        query = {"scope": scope} | ({"service": words["service"]} if words.get("service") else {})
        mark = "&" if urlsplit(realm).query else "?"
        answer = self.caller.ask(f"{realm}{mark}{urlencode(query)}", authorization=authorization)
        if answer.status in {401, 403}:
            raise NetworkError(
                f"HTTP {answer.status}: no token for {self.repository.registry}/{self.repository.path}",
                where=shown_url(realm),
                hint=f"docker login {self.repository.registry}",
            )
        table = _table(answer.checked().body, shown_url(realm))
        token = _text(table, "token") or _text(table, "access_token")
        if not token or not re.fullmatch(r"[!-~]+", token):
            raise UntrustedInput("the answer holds no token", where=shown_url(realm))
        return token


def _text(table: dict[str, object], key: str) -> str:
    try:
        return text_at(table, key)
    except FormatError:
        return ""


def _table(content: bytes, where: str) -> dict[str, object]:
    try:
        return as_table(json.loads(content))
    except (ValueError, FormatError) as error:
        raise UntrustedInput(
            f"the answer is not the JSON that was asked for: {error}", where=where
        ) from error
