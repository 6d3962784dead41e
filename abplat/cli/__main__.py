"""``python -m abplat.cli`` is the same as ``abplat``."""

from abplat.cli import main

main(prog_name="abplat")
