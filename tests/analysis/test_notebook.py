"""The notebook of a report makes its numbers again, in a process that knows neither facts nor service."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from abplat.analysis.scorecard import analyse
from abplat.config import Settings
from abplat.domain.report import Report, encode_report, hash_report
from abplat.services.notebook import write_notebook

from .simulated import AS_OF, Shop, Truth, make_shop_plan


@pytest.fixture(name="report", scope="module")
def _report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Analyse a simulated shop, with shares, means with covariates and times."""
    folder = tmp_path_factory.mktemp("shop")
    shop = Shop(folder)
    shop.run({"control": Truth(), "treatment": Truth(quote=0.65)}, 1_000)
    return analyse(shop.write(), make_shop_plan(), AS_OF, Settings(data_dir=folder))


def run(report: Report, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the code cells of a report's notebook one after the other."""
    notebook = json.loads(write_notebook(report, hash_report(encode_report(report))))
    code = "\n".join(cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code")
    script = folder / "notebook.py"
    script.write_text(code)
    return subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=False, cwd=folder
    )


def test_every_number_is_made_again(report: Report, tmp_path: Path) -> None:
    """Effects, errors, intervals and p-values of all metrics."""
    done = run(report, tmp_path)
    stored = sum(
        value is not None
        for metric in report.metrics
        for effect in metric.effects
        for value in (effect.effect, effect.se, effect.ci_lower, effect.ci_upper, effect.rel_effect,
                      effect.rel_ci_lower, effect.rel_ci_upper, effect.p_value)
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"{stored} numbers were made again and agree"
    assert stored > 20


def test_a_number_that_was_changed_is_found(report: Report, tmp_path: Path) -> None:
    """Whoever edits a report cannot edit its evidence unseen."""
    first = report.metrics[0]
    effect = msgspec.structs.replace(first.effects[0], effect=first.effects[0].effect * 1.01)
    forged = msgspec.structs.replace(
        report, metrics=(msgspec.structs.replace(first, effects=(effect,)), *report.metrics[1:])
    )
    done = run(forged, tmp_path)

    assert done.returncode != 0
    assert "AssertionError" in done.stderr


def test_the_queries_stand_in_it_word_for_word(report: Report) -> None:
    """A reader can run them over the lake."""
    assert report.evidence is not None
    notebook = json.loads(write_notebook(report, "x"))
    words = "".join(cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "markdown")

    assert {query.name for query in report.evidence.queries} >= {"exposures", "aliases"}
    assert all(query.sql in words for query in report.evidence.queries)


def test_a_report_without_evidence_is_shown_all_the_same(report: Report, tmp_path: Path) -> None:
    """Those made by an earlier version."""
    assert run(msgspec.structs.replace(report, evidence=None), tmp_path).returncode == 0
