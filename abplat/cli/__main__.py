"""Make ``python -m abplat.cli`` the same as ``abplat``."""

from __future__ import annotations

from abplat.cli import main

main(prog_name="abplat")
