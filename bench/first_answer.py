"""Run an image once, and print how long it took to its first HTTP answer: wall and processor seconds.

python -P first_answer.py IMAGE CACHE [NAME=VALUE ...]: variables for the service.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path

from seatrial.model.trial import TrialPlan, parse_request
from seatrial.observe.running import observe_running


def main() -> int:
    """Give the image to the observer, which notes each step from then on."""
    variables = tuple(pair.partition("=")[::2] for pair in sys.argv[3:])
    plan = TrialPlan(requests=(parse_request("GET /healthz"),), environment=variables, expects_spans=False)
    image, cache = map(Path, sys.argv[1:3])
    facts = observe_running(image, plan, search_path=os.environ.get("PATH", ""), cache=cache)
    ours, theirs = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    cpu_s = sum(one.ru_utime + one.ru_stime for one in (ours, theirs))
    answers = [exchange.status for exchange in facts.exchanges]
    wall_ms = dict(facts.timeline)["first answer"]
    sys.stdout.write(json.dumps({"wall_s": wall_ms / 1000, "cpu_s": cpu_s, "answers": answers}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
