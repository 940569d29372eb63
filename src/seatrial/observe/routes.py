"""More to ask than the front page, when nobody said what: only what the service itself points at.

A redirect's target, links of an HTML page on the same host, paths in the service's own spans (of its health
command, mostly), and routes that it printed, as gin does. GET only, a few, one step away, and nothing whose
name says that it does something.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urljoin, urlsplit

from seatrial.model.facts import Span
from seatrial.model.trial import TARGET, TrialRequest
from seatrial.observe.drive import Answer

_MOST: Final = 4
_BASE: Final = "http://localhost/"
# Words of a path after which something may be different; also in part, as in "unsubscribe".
_EFFECTS: Final = re.compile(
    r"log-?_?out|sign-?_?out|log-?_?off|delet|remov|destroy|reset|subscri|cancel|confirm|accept|shutdown|quit"
    r"|restart|reload|stop|install|setup|purge|clear|flush|toggle|enable|disable|approve|revoke|send|run\b|exec"
    r"|import|migrate|upgrade|update|create|edit|add\b|new\b|buy|pay|vote|like|follow|start|trigger|debug",
    re.IGNORECASE,
)
_HTML: Final = "text/html"
# A route without parameters in a line of the log: "GET  /api/tags --> ...", "| GET | /tags |" or a JSON
# object's "method":"GET","path":"/tags".
_LOGGED: Final = re.compile(
    r"""\bGET\b["',|\s]*(?:"?(?:path|route|pattern|uri)"?\s*[:=]\s*"?)?(/[\w./~-]*)(?=["'|,\s]|$)"""
)


def find_routes(
    answer: Answer, spans: Iterable[Span], log_lines: Iterable[str], asked: str
) -> tuple[tuple[TrialRequest, str], ...]:
    """Return requests worth making, each with how it was found. asked: the path of ``answer``."""
    found: dict[str, str] = {}
    for target, how in (
        *((target, "redirect") for target in (answer.location,) if target),
        *((target, "link") for target in _links(answer)),
        *((target, "span") for target in _paths(spans)),
        *((target, "log") for line in log_lines for target in _LOGGED.findall(line)),
    ):
        path = _own_path(target, asked)
        if path and path != asked and path not in found and not _EFFECTS.search(path):
            found[path] = how
    return tuple((TrialRequest(path=path), how) for path, how in list(found.items())[:_MOST])


def _links(answer: Answer) -> list[str]:
    if answer.content_type.partition(";")[0].strip().lower() != _HTML:
        return []
    page = _Page()
    page.feed(answer.body.decode("utf-8", "replace"))
    return page.links


def _paths(spans: Iterable[Span]) -> Iterator[str]:
    """Yield the paths of server spans that only read (OpenTelemetry semantic conventions, HTTP server)."""
    for span in spans:
        attributes = dict(span.attributes)
        if span.kind == "server" and attributes.get("http.request.method") == "GET":
            yield attributes.get("url.path", "")


def _own_path(target: str, asked: str) -> str:
    """Return a link's path and query on this host; "" for other hosts and for what is no request target."""
    try:
        parts = urlsplit(urljoin(urljoin(_BASE, asked), target))
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or parts.hostname != "localhost":
        return ""
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return path if TARGET.fullmatch(path) else ""


class _Page(HTMLParser):
    """The links of one page, in order; not those of files that a page is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take the address of an anchor that is not a download."""
        named = dict(attrs)
        if tag == "a" and named.get("href") and "download" not in named:
            self.links.append(str(named["href"]))
