"""The image starts, as its own user, and answers to HTTP."""

from __future__ import annotations

import re
from typing import Final

from seatrial.checks.last_words import last_words, without_stacks
from seatrial.checks.rule import Rule, sample
from seatrial.model.facts import NO_TABLE, Exchange, RunningFacts
from seatrial.model.verdict import Expectations, Severity, Verdict

STARTS: Final = Rule(id="trial.starts", severity=Severity.HIGH)
ANSWERS: Final = Rule(id="trial.answers", severity=Severity.HIGH)
REACHABLE: Final = Rule(id="trial.reachable", severity=Severity.MEDIUM)
USER: Final = Rule(
    id="trial.user", severity=Severity.HIGH, reference="Kubernetes Pod Security Standards, restricted"
)

_READ_LINES: Final = 40
_CONFIGURE: Final = (
    'give it what it needs in seatrial.toml: [trial] environment = {NAME = "value"}, and services = '
    '["postgres"] when it needs a database'
)
NEEDS_POSTGRES: Final = (
    "it looks for a database; give it one in seatrial.toml (with the variable that this service reads):\n"
    "[trial]\n"
    'services = ["postgres"]\n'
    'environment = {DATABASE_URL = "{postgres.url}"}'
)
_FILES: Final = (
    "it looks for a file; in seatrial.toml, from its tree into the image, or for the trial only:\n"
    "[image]\n"
    'files = {"/migrations" = "migrations"}\n'
    "[trial]\n"
    'files = {"/etc/service.toml" = "text, such as {postgres.url}"}'
)
_ARGUMENTS: Final = (
    "it may want to be told to serve; in seatrial.toml, for whoever runs the image, or for the trial only:\n"
    "[image]\n"
    'arguments = ["serve"]\n'
    "[trial]\n"
    'arguments = ["serve"]\n'
    'environment = {NAME = "value"}'
)
_NO_TABLES: Final = (
    "its tables are not there; in seatrial.toml, by a run of the program before it, or from SQL files:\n"
    "[trial]\n"
    'before = ["migrate"]\n'
    'sql = ["migrations"]'
)
_SQLITE: Final = (
    "its database file cannot be opened or written: by a setting of its own (environment or files under "
    "[trial]), put it\nbelow /tmp for the trial; where it runs, on a volume that user 65532 may write to"
)
_STATEMENT: Final = "db.query.text"
_DATABASE_CAUSES: Final = (
    (NO_TABLE, _NO_TABLES),
    (re.compile(r"unable to open database|readonly database|SQLITE_(CANTOPEN|READONLY)"), _SQLITE),
    (re.compile(r"\b5432\b|postgres", re.IGNORECASE), NEEDS_POSTGRES),
)
# What programs say, in the order in which a cause is taken from them.
_CAUSES: Final = (
    (
        re.compile(
            r"\b5432\b|postgres(?!ql\.conf)|\bPG[A-Z]+\b|DATABASE_URL|\b(ping|connect|reach|dial)\w*"
            r" (to )?(the )?(database|db)\b",
            re.IGNORECASE,
        ),
        NEEDS_POSTGRES,
    ),
    (
        re.compile(
            r"no such file or directory|file (does not exist|(was )?not found)|config\S* .*not found",
            re.IGNORECASE,
        ),
        _FILES,
    ),
    (re.compile(r"^\s*(usage:|available commands|commands:)", re.IGNORECASE | re.MULTILINE), _ARGUMENTS),
)


def check_starts(facts: RunningFacts | None, expected: Expectations) -> Verdict:
    """Look whether something came to listen, and stayed."""
    rule = STARTS.when(expected.is_run)
    if facts is None:
        return rule.unknown("the image was not started", "see seatrial doctor for what this machine lacks")
    if facts.ended_early is not None:
        when = "before it listened" if facts.time_to_listen_ms is None else "while it was driven"
        how = _exit_words(facts.ended_early)
        return rule.fails(f"the service ended {when}, {how}{last_words(facts.log_lines)}", _likely_fix(facts))
    if facts.time_to_listen_ms is None:
        return rule.fails(
            f"the service runs but listens on no port{last_words(facts.log_lines)}", _likely_fix(facts)
        )
    ports = ", ".join(str(port) for port in facts.listening)
    return rule.passes(f"listened on port {ports} after {facts.time_to_listen_ms:.0f} ms")


def check_answers(facts: RunningFacts, expected: Expectations) -> Verdict:
    """Look for an HTTP answer to every request: with the status that was asked for, else none of 5xx.

    What the trial came upon by itself was promised by nobody, and is only told. A service whose database
    took no statement at all has not answered, whatever status it says so with.
    """
    rule = ANSWERS.when(expected.is_run)
    if not facts.exchanges:
        return rule.unknown(f"no request could be made: see {STARTS.id}")
    asked = [exchange for exchange in facts.exchanges if not exchange.found_by]
    bad = [_told(exchange) for exchange in asked if not _is_good(exchange)]
    if bad:
        said = "\n".join((*facts.log_lines, *(exchange.body_excerpt for exchange in asked)))
        if NO_TABLE.search(said):
            fix = _NO_TABLES
        elif all(
            exchange.status and exchange.expected_status for exchange in asked if not _is_good(exchange)
        ):
            fix = "the service, or the status that [trial] requests asks for, is wrong"
        else:
            fix = f"{_CONFIGURE}; or set [trial] requests"
        return rule.fails(f"{sample(bad)}{last_words(facts.log_lines)}", fix)
    words = ", ".join(str(status) for status in sorted({exchange.status for exchange in asked}))
    if failed := _only_failed_statements(facts):
        fix, cause = _database_cause(facts)
        return rule.fails(f"answered ({words}), but {failed}{cause}", fix)
    odd = [_told(one) for one in facts.exchanges if one.found_by and not _is_good(one)]
    also = f"; of what they point at: {sample(odd)}" if odd else ""
    return rule.passes(f"{len(asked)} requests answered ({words}){also}")


def _database_cause(facts: RunningFacts) -> tuple[str, str]:
    """Return the advice for a database that takes no statement, and the words of the log that say why."""
    for line in facts.log_lines:
        for pattern, fix in _DATABASE_CAUSES:
            if pattern.search(line):
                return fix, f"; its log says {line.strip()[:200]!r}"
    return _CONFIGURE, last_words(facts.log_lines)


def _only_failed_statements(facts: RunningFacts) -> str:
    """Return what is told where all statements of the requests failed; "" where one did not, or none came."""
    driven = {exchange.trace_id for exchange in facts.exchanges}
    statements = [
        span
        for span in facts.spans
        if span.trace_id in driven and span.is_database and dict(span.attributes).get(_STATEMENT)
    ]
    if not statements or any(span.status != "error" for span in statements):
        return ""
    count = f"each of {len(statements)} database statements" if len(statements) > 1 else "the one statement"
    return f"{count} under them failed, such as {statements[0].name!r}"


def _is_good(exchange: Exchange) -> bool:
    if exchange.expected_status:
        return exchange.status == exchange.expected_status
    return 0 < exchange.status < 500


def _told(exchange: Exchange) -> str:
    wanted = f" instead of {exchange.expected_status}" if exchange.expected_status else ""
    return f"{exchange.method} {exchange.path}: {exchange.error or exchange.status}{wanted}"


def check_reachable(facts: RunningFacts, expected: Expectations) -> Verdict:
    """Look at the address that the driven port is bound to."""
    rule = REACHABLE.when(expected.is_run)
    if facts.is_reachable is None:
        return rule.when(False).unknown("no port was driven")
    if facts.is_reachable:
        return rule.passes("can be reached from outside the container")
    return rule.fails(
        "listens on the loopback address only: nothing outside the container can connect",
        'listen on all addresses (":8080"), by default, by a flag of its own ([image] arguments), or by a '
        "variable (environment under [trial])",
    )


def check_user(facts: RunningFacts, expected: Expectations) -> Verdict:
    """Look at what the kernel says of the running process."""
    rule = USER.when(expected.is_run)
    process = facts.process
    if process is None:
        return rule.unknown(f"there was no process to look at: see {STARTS.id}")
    fix = "run it as a numeric user other than root, without capabilities"
    if process.uid == 0 or (expected.user and str(process.uid) != expected.user):
        return rule.fails(f"runs as {process.uid}, not as {expected.user or 'another than root'}", fix)
    if process.effective_capabilities:
        return rule.fails(f"has capabilities {process.effective_capabilities:#x}", fix)
    if not process.has_no_new_privileges:
        return rule.fails("may gain privileges", fix)
    filtered = ", system calls filtered" if process.seccomp_mode else ""
    return rule.passes(f"ran as {process.uid}:{process.gid}, no capabilities, no new privileges{filtered}")


def _likely_fix(facts: RunningFacts) -> str:
    """Return the advice for what a service that did not start complained of."""
    if facts.writes and any(0 < one.status < 500 for one in facts.variations if one.name == "writable root"):
        return (
            f"it works with a root that it can write to, and writes {sample(list(facts.writes))}: have it "
            "write below /tmp, by a setting under [trial] environment, or to a volume of the deployment"
        )
    words = "\n".join(without_stacks(facts.log_lines)[-_READ_LINES:])
    has_database = "postgres" in facts.services
    causes = (fix for pattern, fix in _CAUSES if pattern.search(words))
    return next((fix for fix in causes if not (has_database and fix == NEEDS_POSTGRES)), _CONFIGURE)


def _exit_words(code: int) -> str:
    return f"by signal {-code}" if code < 0 else f"with exit code {code}"
