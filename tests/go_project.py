"""A Go service as a value: the smallest that there is, to be changed by ``replace``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from seatrial.model.project import Language, LocalModule, MainPackage, Project
from seatrial.model.request import Request

# A build of it without any word of the user's.
REQUEST = Request(
    root=Path("/s"),
    main="",
    instrument="",
    base="",
    architecture="amd64",
    host_architecture="amd64",
    outputs=(),
    reference="",
    should_try=False,
    config_file=None,
    cache=Path("/c"),
    env={},
    now=datetime(2026, 1, 2, tzinfo=UTC),
)


def go_project(root: Path) -> Project:
    """Return one main package without inputs, libraries or repository."""
    module = LocalModule(path="example.com/s", directory=root)
    return Project(
        language=Language.GO,
        root=root,
        module=module,
        members=(module,),
        workspace=None,
        is_vendored=False,
        go_line="1.24",
        toolchain_version="go1.26.0",
        main=MainPackage(import_path="example.com/s", argument=".", directory=root),
        inputs=(),
        input_directories=(),
        package_count=1,
        cgo_packages=(),
        module_paths=(),
        uses_database=False,
        exposed_ports=(),
        repository=None,
    )
