"""Outcomes for the papers: one that passes, one that is stopped, and one full of hostile text."""

from __future__ import annotations

from dataclasses import replace

from facts import EXPECTED, RUNNING, STATIC
from seatrial.model.facts import Facts
from seatrial.model.outcome import TrialOutcome
from seatrial.model.verdict import Severity, State, Verdict
from seatrial.verify import judge

FACTS = Facts(static=STATIC, running=RUNNING)
GOOD = TrialOutcome(image="orders:1.4.2", facts=FACTS, verdicts=judge(FACTS, EXPECTED))

HOSTILE = "<script>alert(1)</script>|`*_[x](http://x)\x00\x1b[31m\u202e\ud800 & \"'\n]]>"
FAILED = Verdict(
    id="image.user",
    state=State.FAIL,
    severity=Severity.HIGH,
    reason="the image names no user",
    fix="set USER 65532:65532",
    reference="CIS Docker 4.1",
)
UNKNOWN = replace(FAILED, id="trial.spans", state=State.UNKNOWN, reason="no request was answered", fix="")
TOLD = replace(FAILED, id="binary.stripped", severity=Severity.INFO, reason="has a symbol table")
UNSEEN = replace(TOLD, id="trial.health-down", state=State.UNKNOWN, reason="no database was seen")
HELD = replace(FAILED, id="image.size", state=State.PASS, reason="3 bytes", fix="")
STOPPED = TrialOutcome(
    image="registry.example.com:5000/orders:1.4.2",
    facts=FACTS,
    verdicts=(HELD, UNSEEN, TOLD, UNKNOWN, FAILED),
    notes=("not started",),
)
ATTACK = TrialOutcome(
    image=HOSTILE,
    facts=Facts(static=STATIC, running=replace(RUNNING, engine=HOSTILE, log_lines=(HOSTILE,))),
    verdicts=(replace(FAILED, reason=HOSTILE, fix=HOSTILE, reference=HOSTILE),),
    notes=(HOSTILE,),
)
NOTHING = TrialOutcome(image="", facts=None, verdicts=())
EVERY = (GOOD, STOPPED, ATTACK, NOTHING)
