"""One line changed: Seatrial's whole build against bare ``orchestrion go build`` of the same edit."""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path

from bench.bare import make_bare
from bench.measure import Run, Series, in_turn, run
from bench.report import Row, is_at_most, ratios, seconds, within
from bench.service import SEATRIAL, Service, temporary_service

_GOAL = 1.10
_GOAL_IMAGE_S = 0.100
INSIDE = str(Path(__file__).with_name("inside.py"))


def measure_changed(scratch: Path, rounds: int) -> tuple[Row, ...]:
    """Return a row for the whole build, and one for the part that makes and writes the image."""
    numbers = itertools.count()
    with temporary_service(scratch) as service:
        argv = (SEATRIAL, *service.arguments)
        run(argv, cwd=service.directory, env=service.env)
        bare = make_bare(service)
        bare.build()

        def ours() -> Run:
            service.edit(f"a{next(numbers)}")
            return run(argv, cwd=service.directory, env=service.env)

        def peer() -> Run:
            # Never the same content in both copies: Go's cache would have the other side's work.
            bare.edit(f"b{next(numbers)}")
            return bare.build()

        found = in_turn(rounds, {"ours": ours, "bare": peer})
        image = Series(runs=tuple(_image(service, f"c{number}") for number in range(rounds)))
    whole, below = found["ours"], found["bare"]
    rest = (whole.median_wall_s - image.median_wall_s) / below.median_wall_s
    return (
        Row(
            work="one line changed",
            ours=seconds(whole),
            peer=f"orchestrion go build: {seconds(below)}",
            ratio=f"{ratios(whole, below)}; medians without the image {rest:.2f}",
            goal=f"<= {_GOAL:.2f} without the image",
            is_held=is_at_most(_GOAL, whole, below, less=image),
        ),
        Row(
            work="one line changed, image and output",
            ours=seconds(image),
            peer="-",
            ratio="-",
            goal="<= 100 ms",
            is_held=within(image, _GOAL_IMAGE_S),
        ),
    )


def _image(service: Service, token: str) -> Run:
    """Build once more after an edit, and return how long assembly and delivery took."""
    notes = service.output.with_name("stages.json")
    service.edit(token)
    argv = (sys.executable, "-P", INSIDE, str(notes), "--stages", *service.arguments)
    run(argv, cwd=service.directory, env=service.env)
    noted = json.loads(notes.read_text())
    return Run(wall_s=float(noted["stages_wall_s"]), cpu_s=float(noted["stages_cpu_s"]))
