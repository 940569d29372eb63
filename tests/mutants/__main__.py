"""``make mutants``: try the whole corpus, and print the table."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from mutants.corpus import CORPUS
from mutants.good import build_good
from mutants.mutant import Mutant
from mutants.table import fault_lines, recorded, sums_line, table_lines
from mutants.trials import Trials
from mutants.trying import SERVICES, try_good


def main(arguments: list[str]) -> int:
    """Try the mutants whose name holds one of the words; return 1 when something is not as it should be."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("words", nargs="*", help="only mutants whose name holds one of these")
    parser.add_argument(
        "--record", type=Path, metavar="FILE", help="put the table at the end of this document"
    )
    asked = parser.parse_args(arguments)
    chosen = tuple(mutant for mutant in CORPUS if _is_asked(mutant, asked.words))
    with tempfile.TemporaryDirectory(prefix="mutants-") as place:
        good = build_good(Path(place))
        tried = {service: try_good(good, service) for service in SERVICES}
        with Trials(chosen, good) as trials:
            findings = trials.findings()
    faults = fault_lines(chosen, findings, tried)
    table = [*table_lines(chosen, findings), "", sums_line(findings, faults)]
    print("\n".join((*faults, *table)))  # noqa: T201 - what the command is for
    if asked.record:
        asked.record.write_text(recorded(asked.record.read_text(), table))
    return 1 if faults or not findings else 0


def _is_asked(mutant: Mutant, words: list[str]) -> bool:
    if mutant.needs_root and os.geteuid() != 0:
        return False
    return not words or any(word in mutant.name for word in words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
