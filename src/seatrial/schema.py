"""The JSON Schema of seatrial.toml, for editors: made from the same table that the parser reads.

Its descriptions are the words of docs/configuration.md, too (``make docs`` writes both files).
"""

from __future__ import annotations

from typing import Final

from seatrial.config import KEYS
from seatrial.config_values import CHOICES, NAME
from seatrial.model.trial import METHODS

_SECTIONS: Final = {
    "service": "What is built.",
    "build": "How it is compiled.",
    "instrument": "What is woven in.",
    "base": "What the image stands on.",
    "image": "What the image holds and says.",
    "health": "How the service is asked whether it is well.",
    "gates": "What a finished image must hold to.",
    "trial": "How the finished image is run once, before it is delivered.",
}
# section -> key -> its meaning. A default that is no value stands in words at the end: "Default: WORDS."
_MEANINGS: Final[dict[str, dict[str, str]]] = {
    "service": {
        "main": (
            'The package to build, such as `"./cmd/server"`. Default: the only main package, or the only one '
            "that serves."
        ),
    },
    "build": {
        "prepare": "Shell commands that make sources, run in a private copy of the repository.",
        "tags": "Build tags, beside those in `GOFLAGS`.",
        "experiments": 'Experiments of Go, beside those in `GOEXPERIMENT`, such as `["jsonv2"]`.',
        "ldflags": (
            'Linker flags of your own, such as `"-X main.version={version}"`; `{version}` is what '
            "`seatrial tags` calls the source, as the Makefile does, and `{revision}` the commit."
        ),
        "vcs": (
            "Does the program itself say its commit (`go version -m`)? `false` where it must be the same "
            "bytes as one that a Dockerfile builds without `.git`."
        ),
    },
    "instrument": {
        "with": "What weaves the tracing in; `none`: nothing does.",
        "version": 'An Orchestrion release, such as `"v1.15.0"`. Default: the newest that fits this Go.',
        "integrations": "What is traced.",
    },
    "base": {
        "image": "Signed packages of a Debian release, or `scratch`: certificates and time zones only.",
        "mirror": (
            "A Debian archive; also `SEATRIAL_DEBIAN_MIRROR`. Default: this machine's apt sources, else "
            "deb.debian.org."
        ),
    },
    "image": {
        "name": 'What the image is called, such as `"orders"`. Default: the last word of the module\'s path.',
        "arguments": (
            'What the program is started with when nobody says otherwise (`CMD`), such as `["serve"]`.'
        ),
        "ports": 'What the service listens on, such as `["8080"]`. Default: `EXPOSE` of its Dockerfile.',
        "labels": "Image labels beside the `org.opencontainers.image.*` ones.",
        "files": (
            'What the program reads at run time: `{"/migrations" = "migrations"}` puts that file or folder '
            "of the service there; the program starts in `/`."
        ),
    },
    "health": {
        "start_period": "Of the Docker `HEALTHCHECK`: until then a failed probe does not count.",
        "interval": "Of the Docker `HEALTHCHECK`: from one probe to the next.",
        "timeout": "Of the Docker `HEALTHCHECK`: the longest that a probe may take.",
        "retries": "Of the Docker `HEALTHCHECK`: so many failed probes in a row are unhealthy.",
        "flag": (
            "Does the service itself answer `--health-check`? By default its own is kept, and one without "
            "gets Seatrial's; `false`: neither. Default: found out."
        ),
        "http": 'A path that Seatrial\'s check asks, too, such as `"/healthz"`. Default: none.',
        "informational": 'Names of checks that are told and do not decide, such as `["postgresql"]`.',
        "checks": 'More that it asks: `{cache = "tcp://cache:6379", search = "$SEARCH_URL"}`.',
        "listener": "`optional`: a worker that never listens can be healthy.",
    },
    "gates": {
        "image_size": "The most that the files in the image may sum up to.",
        "graceful_stop": "Must SIGTERM be handled, and every request in flight be finished?",
    },
    "trial": {
        "services": "Real ones beside the service.",
        "service": (
            "Others, as tables `[trial.service.NAME]`: a program of this machine; see below. Default: none."
        ),
        "requests": (
            'Such as `["GET /orders", "GET /admin -> 401", \'POST /orders {"customer": "Ada"}\']`; see '
            "below. Default: `GET /`, three times, then what it points at."
        ),
        "environment": (
            "Variables; `{postgres.url}`, `.host`, `.port`, `.user`, `.password`, `.database` are filled in, "
            "and `{NAME.host}`, `{NAME.port}` of other services."
        ),
        "arguments": "Arguments of the program, in place of `[image] arguments`.",
        "before": (
            'Runs of the program before it serves, each with these arguments, such as `["migrate up"]`.'
        ),
        "sql": (
            "Files and folders of the service that the trial's PostgreSQL is given first, such as "
            '`["migrations"]`; see below.'
        ),
        "files": (
            'Files for the trial only: `{"/etc/svc.toml" = "url = \'{postgres.url}\'"}` (TOML\'s """ holds '
            "several lines); placeholders as above."
        ),
    },
}
_DEFAULTS: Final[dict[str, dict[str, object]]] = {
    "build": {"prepare": [], "tags": [], "experiments": [], "ldflags": "", "vcs": True},
    "instrument": {"with": "orchestrion", "integrations": list(CHOICES["integrations"])},
    "base": {"image": "debian-13"},
    "image": {"arguments": [], "labels": {}, "files": {}},
    "health": {
        "start_period": "10s",
        "interval": "10s",
        "timeout": "5s",
        "retries": 3,
        "informational": [],
        "checks": {},
        "listener": "required",
    },
    "gates": {"image_size": "50MB", "graceful_stop": False},
    "trial": {"services": [], "environment": {}, "arguments": [], "before": [], "sql": [], "files": {}},
}

_KINDS: dict[str, dict[str, object]] = {
    "text": {"type": "string"},
    "truth": {"type": "boolean"},
    "name": {"type": "string", "pattern": f"^{NAME}$"},
    "count": {"type": "integer", "minimum": 1, "maximum": 100},
    "texts": {"type": "array", "items": {"type": "string"}},
    "experiments": {"type": "array", "items": {"type": "string", "pattern": "^[a-z0-9]+$"}},
    "ports": {"type": "array", "items": {"type": "string", "pattern": r"^\d{1,5}(/(tcp|udp))?$"}},
    "requests": {
        "type": "array",
        "items": {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["path"],
                    "properties": {
                        "method": {
                            "description": "How it asks.",
                            "default": "GET",
                            "enum": list(METHODS),
                        },
                        "path": {
                            "description": "What it asks for, with its query. Default: must be given.",
                            "type": "string",
                            "pattern": "^/",
                        },
                        "body": {
                            "description": "A text as it is; anything else as JSON. Default: none.",
                        },
                        "status": {
                            "description": "The status it must be answered with. Default: any below 500.",
                            "type": "integer",
                            "minimum": 100,
                            "maximum": 599,
                        },
                        "headers": {
                            "description": "Headers of one line each.",
                            "default": {},
                            "type": "object",
                            "additionalProperties": {"type": "string"},
                        },
                    },
                },
            ]
        },
    },
    "programs": {
        "type": "object",
        "propertyNames": {"pattern": "^[a-z][a-z0-9_-]*$"},
        "additionalProperties": {
            "type": "object",
            "additionalProperties": False,
            "required": ["run", "port"],
            "properties": {
                "run": {
                    "description": (
                        "The program, by its absolute path, and its arguments; `{data}` is a directory to "
                        "write to. Default: must be given."
                    ),
                    "type": "array",
                    "items": {"type": "string"},
                    "minItems": 1,
                },
                "port": {
                    "description": "Where it listens, which says that it is ready. Default: must be given.",
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 65535,
                },
            },
        },
    },
    "table": {"type": "object", "additionalProperties": {"type": "string"}},
    "places": {"type": "object", "additionalProperties": {"type": "string"}},
    "addresses": {"type": "object", "additionalProperties": {"type": "string"}},
    "target": {"type": "string", "pattern": "^/[!-~]*$"},
    "size": {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*([A-Za-z]*)\s*$"},
    "duration": {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*(ms|s|m|h)\s*$"},
}
_LISTS = ("integrations", "services")


def schema() -> dict[str, object]:
    """Return the schema (JSON Schema 2020-12); ``seatrial.schema.json`` holds it for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "seatrial.toml",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            section: {
                "description": _SECTIONS[section],
                "type": "object",
                "additionalProperties": False,
                "properties": {key: _property(section, key, kind) for key, (_, kind) in keys.items()},
            }
            for section, keys in KEYS.items()
        },
    }


def _property(section: str, key: str, kind: str) -> dict[str, object]:
    defaults = _DEFAULTS.get(section, {})
    default = {"default": defaults[key]} if key in defaults else {}
    return {"description": _MEANINGS[section][key], **default, **_kind(kind)}


def _kind(kind: str) -> dict[str, object]:
    if kind not in CHOICES:
        return _KINDS[kind]
    choice: dict[str, object] = {"enum": list(CHOICES[kind])}
    return {"type": "array", "items": choice} if kind in _LISTS else choice
