"""``seatrial completion SHELL``: a completion script, made from the commands' own parsers."""

from __future__ import annotations

import argparse
import importlib
import sys

from seatrial.errors import ExitCode

_BASH = """_seatrial() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" command="${{COMP_WORDS[1]}}" words
  if [ "$COMP_CWORD" -eq 1 ]; then words="{commands}"; else
    case "$command" in
{cases}
    esac
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word"; [ "$COMP_CWORD" -gt 1 ] && compgen -f -- "$word")
}}
complete -o filenames -F _seatrial seatrial
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command."""
    found = argparse.ArgumentParser(
        prog="seatrial completion",
        description='Print shell completion. bash: eval "$(seatrial completion bash)"; zsh: the same.',
    )
    found.add_argument("shell", choices=("bash", "zsh"))
    return found


def run(arguments: list[str]) -> int:
    """Run the command; return its exit code."""
    from seatrial.cli.main import COMMANDS  # noqa: PLC0415 - main imports this module when it is run

    asked = parser().parse_args(arguments)
    parsers = {name: importlib.import_module(f"seatrial.cli.{name}").parser() for name in COMMANDS}
    cases = "\n".join(
        f'      {name}) words="{" ".join(_options(found))}" ;;' for name, found in parsers.items()
    )
    script = _BASH.format(commands=" ".join(COMMANDS), cases=cases)
    if asked.shell == "zsh":
        script = "autoload -U +X bashcompinit && bashcompinit\n" + script
    sys.stdout.write(script)
    return ExitCode.OK


def _options(command: argparse.ArgumentParser) -> list[str]:
    """Return the options and fixed words of a parser."""
    words: list[str] = []
    for action in command._actions:  # argparse has no public list of its options
        words += action.option_strings or [str(choice) for choice in action.choices or ()]
    return sorted(words)
