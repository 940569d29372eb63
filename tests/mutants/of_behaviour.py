"""Mutants that show only when the image runs: the good program, told to be wrong by a variable.

What "FAULT" does is in service/faults.go; the program is the good image's, byte for byte. Others are wrong
by a setting of the exporter that a deployment can really get wrong.
"""

from __future__ import annotations

from collections.abc import Callable

from mutants.draft import Draft
from mutants.mutant import Mutant

_POSTGRES = "postgres"


def fault(name: str) -> Callable[[Draft], object]:
    """Have the program be wrong in this way."""
    return lambda draft: draft.set_variable("FAULT", name)


def _mutant(
    name: str,
    change: str,
    *claims: str,
    also: tuple[str, ...] = (),
    is_information: bool = False,
    service: str = "",
    needs_root: bool = False,
) -> Mutant:
    return Mutant(
        name=name + ("-postgres" if service else ""),
        change=change + (" (PostgreSQL)" if service else ""),
        claims=claims,
        apply=fault(name),
        also=also,
        is_information=is_information,
        is_run=True,
        service=service,
        needs_root=needs_root,
    )


def _settled(
    name: str, change: str, claim: str, apply: Callable[[Draft], object], also: tuple[str, ...] = ()
) -> Mutant:
    return Mutant(name=name, change=change, claims=(claim,), apply=apply, also=also, is_run=True)


def _telemetry(name: str, change: str, variable: str, value: str, also: tuple[str, ...]) -> Mutant:
    return Mutant(
        name=name,
        change=f"{change}: {variable}={value}",
        claims=("trial.spans",),
        apply=lambda draft: draft.set_variable(variable, value),
        also=also,
        is_run=True,
    )


_DOWN = ("trial.user", "trial.answers", "trial.spans", "trial.sql-spans", "trial.health-up",
         "trial.health-down", "trial.sigterm")  # fmt: skip
_NO_SPAN = ("trial.sql-spans",)
START = (
    _mutant("ends-at-start", "ends at once", "trial.starts", also=_DOWN),
    _mutant("panics-at-start", "panics at once", "trial.starts", also=_DOWN),
    _mutant("never-listens", "runs and never listens", "trial.starts", also=_DOWN),
    _mutant("writes-or-ends", "ends when it cannot write to its root", "trial.starts",
            "trial.read-only-root", also=_DOWN),
    _mutant("needs-capability", "needs a capability (chroot)", "trial.starts", also=_DOWN),
    _mutant("loopback-only", "listens on the loopback address only", "trial.reachable"),
    _mutant("listens-late", "listens only after its start period", "trial.health-in-time"),
    _mutant("gulps", "takes 400 MB at its start, and gives them back", "trial.limited-memory",
            is_information=True, needs_root=True),
    _mutant("writes-where-it-may", "writes to its root where it may", "trial.writes", is_information=True),
)  # fmt: skip
SETTINGS = (
    _settled("argument-unknown", "CMD gives the program an argument that it does not know", "trial.starts",
             lambda draft: draft.settings.__setitem__("Cmd", ["serve"]), also=_DOWN),
    _settled("database-nowhere", "DATABASE_URL names a database that is not there", "trial.starts",
             lambda draft: draft.set_variable("DATABASE_URL", "postgres://127.0.0.1:1/notes"), also=_DOWN),
    _settled("stop-signal-other", "STOPSIGNAL SIGUSR1, which the program does not know", "trial.sigterm",
             lambda draft: draft.settings.__setitem__("StopSignal", "SIGUSR1")),
)  # fmt: skip
ANSWERS = (
    _mutant("answers-500", "answers 500", "trial.answers", also=("trial.sql-spans",)),
    _mutant("answers-500-later", "answers 500 but for the first time", "trial.answers"),
    _mutant("answers-404", "knows none of its paths", "trial.answers"),
    _mutant("never-answers", "takes requests and answers none", "trial.answers",
            also=("trial.spans", "trial.sql-spans", "trial.sigterm")),
    _mutant("drops-connections", "closes connections instead of an answer", "trial.answers",
            also=("trial.spans", "trial.sql-spans")),
    _mutant("ends-after-first", "ends at the second request", "trial.starts", "trial.answers",
            also=("trial.sigterm", "trial.health-down")),
)  # fmt: skip
SPANS = (
    _telemetry("telemetry-off", "no telemetry", "OTEL_SDK_DISABLED", "true", _NO_SPAN),
    _telemetry("exporter-none", "no exporter", "OTEL_TRACES_EXPORTER", "none", _NO_SPAN),
    _telemetry("exporter-console", "spans go to the log", "OTEL_TRACES_EXPORTER", "console", _NO_SPAN),
    _telemetry("exporter-dead", "spans go where nobody listens", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
               "http://127.0.0.1:9/v1/traces", _NO_SPAN),
    _telemetry("exporter-path", "spans go to a path that is none", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
               "http://127.0.0.1:4318/traces", _NO_SPAN),
    _telemetry("exporter-grpc", "spans go by gRPC to an HTTP port", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
               "grpc", _NO_SPAN),
    _telemetry("sampler-off", "no trace is sampled", "OTEL_TRACES_SAMPLER", "always_off", _NO_SPAN),
    _telemetry("propagators-none", "trace contexts are not read", "OTEL_PROPAGATORS", "none", _NO_SPAN),
    _mutant("hides-trace-context", "a proxy in the program drops trace contexts", "trial.spans",
            also=_NO_SPAN),
    _mutant("answers-by-hand", "speaks HTTP without net/http", "trial.spans",
            also=("trial.sql-spans",)),
    _mutant("asks-elsewhere", "asks the database on another goroutine, without the context",
            "trial.sql-spans"),
    _mutant("asks-elsewhere", "asks the database on another goroutine, without the context",
            "trial.sql-spans", service=_POSTGRES),
    _mutant("asks-driver", "asks the driver past database/sql", "trial.sql-spans"),
    _mutant("needs-collector", "ends when no collector is there", "trial.no-collector"),
    _mutant("waits-for-collector", "waits until a collector is there", "trial.no-collector"),
    _mutant("logs-text", "its log is not JSON", "trial.logs-json", is_information=True),
    _mutant("logs-no-trace", "its log names no trace", "trial.logs-have-trace-ids", is_information=True),
)  # fmt: skip
HEALTH = (
    _mutant("health-always-0", "the health command always exits with 0", "trial.health-down"),
    _mutant("health-always-0", "the health command always exits with 0", "trial.health-down",
            service=_POSTGRES),
    _mutant("health-blind", "health does not look at the database", "trial.health-down"),
    _mutant("health-blind", "health does not look at the database", "trial.health-down", service=_POSTGRES),
    _mutant("health-pings-port", "health only connects to the port", "trial.health-down"),
    _mutant("health-remembers", "health remembers its first answer", "trial.health-down"),
    _mutant("health-only-words", "health says unhealthy and exits with 0", "trial.health-down"),
    _mutant("health-says-2", "health exits with 2, which Docker reserves", "trial.health-down"),
    _mutant("health-always-1", "the health command always exits with 1", "trial.health-up"),
    _mutant("health-hangs", "the health command hangs", "trial.health-up", also=("trial.health-down",)),
    _mutant("health-stuck", "unhealthy once is unhealthy for ever", "trial.health-back"),
    _mutant("one-connection", "does not open its connection again", "trial.health-back",
            service=_POSTGRES),
    _mutant("health-slow", "the health command takes over a second", "trial.health-fast",
            is_information=True),
    _mutant("ends-without-a-word", "ends without a word when the database is missing",
            "trial.no-database", service=_POSTGRES, is_information=True),
)  # fmt: skip
END = (
    _mutant("ignores-sigterm", "ignores SIGTERM", "trial.sigterm"),
    _mutant("swallows-sigterm", "takes SIGTERM and does nothing", "trial.sigterm"),
    _mutant("hangs-at-end", "answers no more and does not end", "trial.sigterm"),
    _mutant("ends-badly", "exits with 3 on SIGTERM", "trial.sigterm", also=("trial.in-flight",)),
    _mutant("ends-with-1", "ends in order, and exits with 1", "trial.sigterm"),
    _mutant("panics-at-end", "panics on SIGTERM", "trial.sigterm", also=("trial.in-flight",)),
    _mutant("leaves-sigterm", "leaves SIGTERM to its default", "trial.sigterm", also=("trial.in-flight",)),
    _mutant("forgets-requests", "main returns when Serve does", "trial.in-flight"),
    _mutant("cuts-requests", "closes instead of shutting down", "trial.in-flight"),
    _mutant("ends-at-once", "exits with 0 on SIGTERM at once", "trial.in-flight"),
    _mutant("loses-spans", "ends with its last answer, past the exporter's flush", "trial.flush"),
)  # fmt: skip
OF_BEHAVIOUR = (*START, *SETTINGS, *ANSWERS, *SPANS, *HEALTH, *END)
