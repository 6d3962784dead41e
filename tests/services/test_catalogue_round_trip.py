"""A file with every kind of metric, a mechanism and observations goes in and comes out as it was."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from abplat.domain.metric_kinds import KINDS_BY_KEY
from abplat.services import catalogue, plans
from tests.conftest import NOW, make_catalogue, make_experiment, make_journey
from tests.domain.test_metrics import make, make_observation


def make_everything() -> dict[str, object]:
    """Return a document with all that is new."""
    base = make_catalogue()
    first = make_journey()["stages"][0]["key"]
    known = {metric["key"] for metric in base["metrics"]}
    kinds = [make(kind, key=f"k-{kind}") for kind in KINDS_BY_KEY]
    metrics = [*base["metrics"], *(each for each in kinds if each["key"] not in known)]
    uses = [
        *make_experiment()["metrics"],
        {"metric": "k-nps", "role": "guardrail", "margin": 2.0, "scale": "absolute"},
    ]
    experiment = make_experiment(
        metrics=uses, mechanism=[{"source": "exposed", "target": first, "moves": "none", "tolerance": 0.02}]
    )
    return make_catalogue(metrics=metrics, experiments=[experiment], observations=[make_observation()])


def test_what_is_exported_applies_as_unchanged(session: Session) -> None:
    """In one transaction, and again without any change."""
    first = catalogue.apply(session, make_everything(), now=NOW)
    exported = catalogue.export(session, "shop")
    second = catalogue.apply(session, exported, now=NOW)

    assert first.count("create") > len(KINDS_BY_KEY)
    assert (second.count("create"), second.count("update")) == (0, 0)
    assert exported["experiments"][0]["metrics"][-1]["scale"] == "absolute"
    assert exported["observations"][0]["n"] == 12


def test_observations_go_into_the_analyses_they_are_attached_to(session: Session) -> None:
    """Those of the journey and of the experiment itself, as far as they were known at the instant."""
    key = make_experiment()["key"]
    other = make_observation(key="other", experiment="another")
    own = make_observation(key="own", journey=None, experiment=key)
    experiments = [make_experiment(), make_experiment(key="another", layer=None, slot=None)]
    document = make_catalogue(experiments=experiments, observations=[make_observation(), own, other])
    catalogue.apply(session, document, now=NOW)

    known = plans.get_analysis(session, "shop", key, NOW + timedelta(days=1))["observations"]
    before = plans.get_analysis(session, "shop", key, NOW - timedelta(days=1))["observations"]

    assert [each["key"] for each in known] == ["own", "visit-3"]
    assert before == []
