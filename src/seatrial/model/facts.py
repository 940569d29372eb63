"""What was observed of an image: plain data, no judgement."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

# How a log says that a table is not there: of PostgreSQL, by its message or its code, and of SQLite.
NO_TABLE: Final = re.compile(
    r"(relation|table) .*does not exist|no such table|undefined_table|42P01", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True)
class PathFact:
    """One path in the image's root file system as the tar headers give it.

    kind: "file", "directory", "symlink", "hardlink", "device", "fifo". mode: 0o7777 mask.
    layer: index from the bottom. capabilities: hex of the security.capability attribute
    (capabilities(7), "File capabilities"), or "".
    """

    path: str
    kind: str
    mode: int
    uid: int
    gid: int
    size_bytes: int
    link_target: str
    layer: int
    capabilities: str = ""
    mtime_epoch_s: int = 0


@dataclass(frozen=True, kw_only=True)
class ElfFacts:
    """An ELF file's linkage. interpreter: PT_INTERP or ""; needed: DT_NEEDED names.

    relro: "full", "partial" or "none" (PT_GNU_RELRO, DF_BIND_NOW); "" when not looked at.
    has_executable_stack: PT_GNU_STACK with PF_X, or without the header; None when not looked at.
    """

    machine: str
    interpreter: str
    needed: tuple[str, ...]
    has_symbol_table: bool
    is_pie: bool
    relro: str = ""
    has_executable_stack: bool | None = None

    @property
    def is_static(self) -> bool:
        """No dynamic loader and no shared library asked for (a static PIE counts as static)."""
        return not self.interpreter and not self.needed


@dataclass(frozen=True, kw_only=True)
class GoModule:
    """A module in a Go binary. sum: "h1:…" or "". replaced_by: "path version" or ""."""

    path: str
    version: str
    sum: str = ""
    replaced_by: str = ""


@dataclass(frozen=True, kw_only=True)
class GoFacts:
    """What a Go binary says of itself.

    settings: buildinfo's "build" lines in order, such as ("-trimpath", "true").
    hidden_modules: modules whose files are in the pclntab and that buildinfo does not list.
    weaver: the stamped instrumenter version, such as "v1.15.0", or "".
    has_woven_statements: pclntab holds a file called "<generated>", in a folder since Go 1.27.
    code_bytes: package path -> bytes of its functions' machine code, largest first ("" for what no
    package owns); empty when not looked at.
    local_path: a source file of the builder's own machine, outside of Go's tree, that the program
    names; "" when it names none.
    """

    go_version: str
    main_path: str
    main_module: GoModule
    modules: tuple[GoModule, ...]
    settings: tuple[tuple[str, str], ...]
    hidden_modules: tuple[GoModule, ...]
    weaver: str
    has_woven_statements: bool
    code_bytes: tuple[tuple[str, int], ...] = ()
    local_path: str = ""

    @property
    def is_woven(self) -> bool:
        """Both marks: the weaver's stamp and the woven statements' file name."""
        return bool(self.weaver) and self.has_woven_statements


@dataclass(frozen=True, kw_only=True)
class LayerFact:
    """One layer, bottom first. size_bytes: of the blob; content_bytes: the sum of its file sizes.

    created_by: of the matching history entry (OCI config.md), or "". media_type: "" in old docker
    save archives.
    """

    digest: str
    diff_id: str
    media_type: str
    size_bytes: int
    content_bytes: int
    created_by: str


@dataclass(frozen=True, kw_only=True)
class PackageFact:
    """A distribution's package as its database in the image tells it. kind: "deb", "apk" or "rpm"."""

    kind: str
    name: str
    version: str
    installed_bytes: int


@dataclass(frozen=True, kw_only=True)
class SecretFact:
    """Something that has a secret's shape; the secret itself is never kept.

    path: relative, or what holds it in the configuration, such as "Env DB_PASSWORD", with layer -1.
    kind: such as "private key" or "dotenv file"; "git repository" for a directory ".git".
    is_hidden: a higher layer removed or replaced the path, and the bytes are still in this one.
    """

    path: str
    kind: str
    layer: int
    is_hidden: bool


@dataclass(frozen=True, kw_only=True)
class StaticFacts:
    """An image at rest.

    config: the parsed image configuration (OCI config.md), as plain JSON values.
    annotations: of the manifest. paths: merged root file system, sorted by path, after whiteouts.
    executable: the entrypoint's path in the image ("" when it cannot be found).
    os_release: the image's /etc/os-release (os-release(5)) as pairs; empty when it has none.
    problems: what no engine would unpack, or engines may unpack differently. oddities: what all of
    them unpack alike, and no careful builder writes. not_read: what is there and nobody looked into.
    platform: what the index or manifest promises, such as "linux/arm/v7"; "" when it says nothing.
    users: (name, uid) of /etc/passwd in order; None without the file.
    script_interpreter: the words after "#!" when the executable is a script.
    has_interpreter: what the executable needs to be started (PT_INTERP, or the script's) is in the
    image; None when it needs nothing. health_program: where the health command's program is, or "".
    """

    digest: str
    config: dict[str, object]
    annotations: tuple[tuple[str, str], ...]
    layer_sizes_bytes: tuple[int, ...]
    content_bytes: int
    compressed_bytes: int
    paths: tuple[PathFact, ...]
    executable: str
    elf: ElfFacts | None
    go: GoFacts | None
    problems: tuple[str, ...] = ()
    layers: tuple[LayerFact, ...] = ()
    packages: tuple[PackageFact, ...] = ()
    secrets: tuple[SecretFact, ...] = ()
    os_release: tuple[tuple[str, str], ...] = ()
    oddities: tuple[str, ...] = ()
    not_read: tuple[str, ...] = ()
    platform: str = ""
    users: tuple[tuple[str, int], ...] | None = None
    script_interpreter: str = ""
    has_interpreter: bool | None = None
    health_program: str = ""


@dataclass(frozen=True, kw_only=True)
class Span:
    """One finished span as the collector received it (OTLP v1). Ids in lower-case hex.

    kind: "internal", "server", "client", "producer", "consumer". attributes: values as text.
    status: "unset", "ok" or "error".
    """

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: str
    start_ns: int
    end_ns: int
    scope: str
    attributes: tuple[tuple[str, str], ...]
    status: str
    status_message: str = ""
    service_name: str = ""

    @property
    def is_database(self) -> bool:
        """Made by a database's client (OpenTelemetry semantic conventions, "db.")."""
        return self.kind in ("client", "internal") and any(
            key.startswith("db.") for key, _ in self.attributes
        )


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One HTTP request that the trial made. status 0: no answer, and error says why.

    expected_status: what the plan asked for; 0 when it did not say. found_by: "" for what the plan
    names; else how the trial came upon it: "redirect", "link" or "span".
    """

    method: str
    path: str
    status: int
    elapsed_ms: float
    error: str = ""
    trace_id: str = ""
    body_excerpt: str = ""
    expected_status: int = 0
    found_by: str = ""


# The situations that a health command is run in; "NAME stopped" stands beside them.
WHILE_UP: Final = "up"
DATABASE_STOPPED: Final = "database stopped"
DATABASE_BACK: Final = "database back"


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One run of the health command.

    situation: "up", "database stopped", "database back" (the last one of several tries), or "NAME
    stopped" for another service beside it. exit_code: -9 when it took longer than its timeout.
    """

    situation: str
    exit_code: int
    elapsed_ms: float
    output: str


@dataclass(frozen=True, kw_only=True)
class Shutdown:
    """What the image's stop signal did. exit_code: negative for a signal; None when it had to be killed.

    in_flight: requests that the service had read the head of, and could not answer before the last byte
    of their body, which came after the signal; on connections that had answered before. finished: how
    many of them got a whole answer. has_flushed: whether their spans, and those of the answers before
    them, came before the end; None when no spans were to be expected. signal: the name of what was sent,
    or its number where it has none.
    """

    exit_code: int | None
    elapsed_ms: float
    in_flight: int = 0
    finished: int = 0
    has_flushed: bool | None = None
    signal: str = "SIGTERM"


@dataclass(frozen=True, kw_only=True)
class ProcessFacts:
    """The running service as the kernel sees it (/proc/PID/status, fd, ../net).

    rss_bytes: after the requests, at rest. open_files: paths, without devices, sorted. sockets: such
    as "tcp 0.0.0.0:8080 listening" or "unix @name", sorted.
    """

    uid: int
    gid: int
    effective_capabilities: int
    has_no_new_privileges: bool
    seccomp_mode: int
    rss_bytes: int
    bounding_capabilities: int = 0
    threads: int = 0
    open_files: tuple[str, ...] = ()
    sockets: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Variation:
    """The service started once more, with one thing different from the trial proper.

    name: "no collector", "no database", "writable root" or "limited memory". status: of the first
    answer, 0 when there was none. ended_early: exit code when it ended by itself, else None.
    note: what makes it understandable, such as the limit; or why it could not be tried, with
    was_tried False.
    """

    name: str
    was_tried: bool
    status: int
    ended_early: int | None
    elapsed_ms: float
    note: str = ""
    log_tail: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RunningFacts:
    """An image that was started, driven and stopped.

    engine: such as "bubblewrap 0.11.0 (root)". limits: what this engine could not show.
    listening: ports seen listening. time_to_listen_ms: None when it never listened.
    ended_early: exit code when the service ended by itself before SIGTERM, else None.
    log_lines: stdout and stderr, in order, at most 2000. services: such as ("sqlite",).
    is_reachable: the port that was driven listens on more than the loopback address.
    time_to_healthy_ms: from the start to the first health command that exits with 0; None without.
    writes: paths outside /tmp that it made or changed where it was allowed to; None when not tried.
    timeline: (event, ms since the start of the sandbox), in order: "unpacked", "started",
    "listening", "first answer", "healthy".
    statements: what a PostgreSQL of the trial was asked while the requests were made, without pings and
    transaction marks; None when not known. health_start_ms: the image's start period; 0 when not said.
    database_request: the first request that a locked SQLite database held up, such as "GET /orders"; ""
    when it held up none; None when not known, or not tried as spans tell it.
    """

    engine: str
    limits: tuple[str, ...]
    time_to_listen_ms: float | None
    listening: tuple[int, ...]
    process: ProcessFacts | None
    exchanges: tuple[Exchange, ...]
    spans: tuple[Span, ...]
    probes: tuple[Probe, ...]
    has_health_flag: bool | None
    services: tuple[str, ...]
    log_lines: tuple[str, ...]
    shutdown: Shutdown | None
    ended_early: int | None
    is_reachable: bool | None = None
    problems: tuple[str, ...] = ()
    time_to_healthy_ms: float | None = None
    variations: tuple[Variation, ...] = ()
    writes: tuple[str, ...] | None = None
    timeline: tuple[tuple[str, float], ...] = ()
    statements: int | None = None
    health_start_ms: float = 0.0
    database_request: str | None = None


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that was observed; running is None when the image was not started."""

    static: StaticFacts
    running: RunningFacts | None
