"""What a template may know, for tests: one small service at the first pins."""

from __future__ import annotations

from seatrial.scaffold.pins import ACTIONS, GOLANG, STATIC, TOOLS
from seatrial.scaffold.values import Pins, Values

PINS = Pins(
    go=GOLANG[0].version,
    orchestrion="v1.15.0",
    golang=GOLANG[0].image,
    static=STATIC,
    actions=ACTIONS,
    tools=TOOLS,
)
SERVICE = Values(
    name="orders",
    module="example.com/orders",
    module_directory=".",
    main="./cmd/server",
    pins=PINS,
    pin_file="go.mod",
    is_woven=True,
    is_cgo=False,
    is_vendored=False,
    integrations=(),
    ports=("8080/tcp",),
    arguments=(),
    healthcheck=None,
    health_settings="",
    tags=(),
    experiments=(),
    ldflags="",
    prepare=(),
    prepare_directory=".",
    image_files=(),
    labels=(),
    size_limit_bytes=50_000_000,
    hosts=frozenset({"github", "gitlab"}),
    default_branch="main",
)
