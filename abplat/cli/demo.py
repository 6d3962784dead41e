"""``abplat demo``: the main job on planted truth, from decision to verdict."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import click


@click.command()
@click.option("--data-dir", type=click.Path(path_type=Path), default=Path("demo-data"), show_default=True)
@click.option("--port", default=8000, show_default=True, help="0 takes a free one.")
@click.option("--exit", "exit_", is_flag=True, help="End after the reports instead of staying up.")
@click.option("--share", default=1.0, show_default=True, help="Share of the customers to simulate.")
def command(data_dir: Path, port: int, exit_: bool, share: float) -> None:  # noqa: FBT001 - click calls it
    """Simulate a retailer for four weeks in a minute, and judge its three experiments."""
    from rich.console import Console

    from abplat.clock import system_clock
    from abplat.demo import show
    from abplat.demo.door import Door

    console = Console(stderr=True)
    began = time.monotonic()
    show.clear_folder(data_dir)
    with show.serving(data_dir, port) as address:
        door = Door(address, data_dir, show.PROJECT)
        begin = show.begin_of(system_clock())
        experiments = show.define(door, begin)
        n_events = show.send(door, begin, console, share)
        show.judge(door, console, experiments)
        for experiment in experiments:
            _print_report(experiment, data_dir)
        seconds = time.monotonic() - began
        console.print(f"{n_events:,} events sent through the SDK and judged in {seconds:.0f} s")
        click.echo(f"the three reports: {address}/projects/{show.PROJECT}")
        if not exit_:
            _stay_up(console)


def _print_report(experiment: str, data_dir: Path) -> None:
    """Print one report as ``abplat report`` does."""
    words = ["report", experiment, "--project", "outdoor", "--data-dir", str(data_dir), "--brief"]
    subprocess.run([sys.executable, "-m", "abplat.cli", *words], check=True)  # noqa: S603


def _stay_up(console: object) -> None:
    """Keep serving until the user ends it."""
    console.print("Ctrl-C ends the demo")  # type: ignore[attr-defined]
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        return
