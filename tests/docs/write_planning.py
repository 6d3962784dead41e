"""Run the examples of docs/reference/planning.md anew: python -m tests.docs.write_planning."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from click.testing import CliRunner

from abplat.cli import main

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "planning.md"
_EXAMPLE = re.compile(r"^```console\n\$ abplat (?P<words>.*)\n(?P<shown>(?:.*\n)*?)```$", re.MULTILINE)


def run(words: str) -> str:
    """Return what a command prints on a terminal of 110 columns, without spaces at line ends."""
    done = CliRunner(env={"COLUMNS": "110"}).invoke(main, shlex.split(words))
    if done.exit_code:
        raise RuntimeError(done.output)
    return "".join(f"{line.rstrip()}\n" for line in done.output.splitlines())


def renew(page: str) -> str:
    """Return the page with the output of every example as it is now."""
    return _EXAMPLE.sub(
        lambda found: f"```console\n$ abplat {found['words']}\n{run(found['words'])}```", page
    )


if __name__ == "__main__":
    PAGE.write_text(renew(PAGE.read_text("utf-8")), "utf-8")
