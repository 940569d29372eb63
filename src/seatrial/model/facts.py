"""What was observed of an image: plain data, no judgement."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PathFact:
    """One path in the image's root file system as the tar headers give it.

    kind: "file", "directory", "symlink", "hardlink", "device", "fifo". mode: 0o7777 mask.
    layer: index from the bottom.
    """

    path: str
    kind: str
    mode: int
    uid: int
    gid: int
    size_bytes: int
    link_target: str
    layer: int


@dataclass(frozen=True, kw_only=True)
class ElfFacts:
    """An ELF file's linkage. interpreter: PT_INTERP or ""; needed: DT_NEEDED names."""

    machine: str
    interpreter: str
    needed: tuple[str, ...]
    has_symbol_table: bool
    is_pie: bool

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
    has_woven_statements: pclntab holds a file called exactly "<generated>".
    """

    go_version: str
    main_path: str
    main_module: GoModule
    modules: tuple[GoModule, ...]
    settings: tuple[tuple[str, str], ...]
    hidden_modules: tuple[GoModule, ...]
    weaver: str
    has_woven_statements: bool

    @property
    def is_woven(self) -> bool:
        """Both marks: the weaver's stamp and the woven statements' file name."""
        return bool(self.weaver) and self.has_woven_statements


@dataclass(frozen=True, kw_only=True)
class StaticFacts:
    """An image at rest.

    config: the parsed image configuration (OCI config.md), as plain JSON values.
    annotations: of the manifest. paths: merged root file system, sorted by path, after whiteouts.
    executable: the entrypoint's path in the image ("" when it cannot be found).
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


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One HTTP request that the trial made. status 0: no answer, and error says why."""

    method: str
    path: str
    status: int
    elapsed_ms: float
    error: str = ""
    trace_id: str = ""
    body_excerpt: str = ""


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One run of the health command. situation: "up" or "database stopped"."""

    situation: str
    exit_code: int
    elapsed_ms: float
    output: str


@dataclass(frozen=True, kw_only=True)
class Shutdown:
    """What SIGTERM did. exit_code: negative for a signal; None when it had to be killed."""

    exit_code: int | None
    elapsed_ms: float


@dataclass(frozen=True, kw_only=True)
class ProcessFacts:
    """The running service as the kernel sees it (/proc/PID/status)."""

    uid: int
    gid: int
    effective_capabilities: int
    has_no_new_privileges: bool
    seccomp_mode: int
    rss_bytes: int


@dataclass(frozen=True, kw_only=True)
class RunningFacts:
    """An image that was started, driven and stopped.

    engine: such as "bubblewrap 0.11.0 (root)". limits: what this engine could not show.
    listening: ports seen listening. time_to_listen_ms: None when it never listened.
    ended_early: exit code when the service ended by itself before SIGTERM, else None.
    log_lines: stdout and stderr, in order, at most 2000. services: such as ("sqlite",).
    is_reachable: the port that was driven listens on more than the loopback address.
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


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that was observed; running is None when the image was not started."""

    static: StaticFacts
    running: RunningFacts | None
