"""The job that seals days."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from abplat.clock import from_micros
from abplat.config import Settings
from abplat.facts.lake import Lake
from abplat.jobs import seal
from abplat.jobs.context import JobContext
from tests.analysis.late_facts import AS_OF_US, PROJECT, drain, make_arrivals


def test_the_job_seals_what_is_due_and_then_rests(tmp_path: Path, engine: Engine, lake: Lake) -> None:
    """It says what it did once, and nothing when nothing is due."""
    context = JobContext(Settings(data_dir=tmp_path), lambda: from_micros(AS_OF_US), engine, lake)
    drain(context.lake, make_arrivals(1, 60))
    first, second = seal.run(context, {}), seal.run(context, {})

    assert "days sealed" in first.detail
    assert not second.detail
    assert (context.lake.root / PROJECT / "seals.json").exists()
