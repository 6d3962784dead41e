"""A shop whose experiments cover every type of value and every reason."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from abplat.services import catalogue, experiments
from abplat.services.experiments import Moment

NOW = datetime(2024, 3, 4, tzinfo=UTC)


def make_experiment(key: str, payloads: tuple[Any, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """Describe an experiment of two arms; the payloads are those of the web."""
    arms = ("control", "treatment")
    variants = [{"key": arm, "weight": 5_000} for arm in arms]
    if payloads is not None:
        variants = [
            {**variant, "payloads": {"web": payload}}
            for variant, payload in zip(variants, payloads, strict=True)
        ]
    return {
        "key": key,
        "title": key,
        "owner": "Ada",
        "journey": "buy",
        "variants": variants,
        "metrics": [{"metric": "done", "role": "primary"}],
        "horizon": "7d",
        **fields,
    }


STAGES = [{"key": key, "match": [{"event": key}]} for key in ("visit", "purchase")]
TARGETED = {"attribute": "country", "op": "equals", "value": "DE"}
EXPERIMENTS = [
    make_experiment("plain"),
    make_experiment("shown", (False, True)),
    make_experiment("fields", (9, 3)),
    make_experiment("discount", (10.0, 12.5)),
    make_experiment("headline", ("Old", "New")),
    make_experiment("form", ({"fields": 9}, {"fields": 3}), overrides={"cust:qa": "treatment"}),
    make_experiment("targeted", (False, True), targeting=TARGETED),
    make_experiment("ramped", included=0),
    make_experiment("held", holdouts=["all"]),
    make_experiment("ended", (False, True)),
]
GAPPED = make_experiment("gapped")
GAPPED["variants"][1]["payloads"] = {"web": {"fields": 3}}
CATALOGUE: dict[str, Any] = {
    "project": {"key": "shop", "title": "Shop"},
    "channels": [{"key": "web", "title": "Web"}],
    "journeys": [{"key": "buy", "title": "Buy", "owner": "Ada", "stages": STAGES, "window": "7d"}],
    "metrics": [{"key": "done", "title": "Done", "owner": "Ada", "kind": "completion", "journey": "buy"}],
    "holdouts": [{"key": "all", "title": "All", "share": 9_999}],
    "experiments": [*EXPERIMENTS, GAPPED],
}
KEYS = sorted(each["key"] for each in CATALOGUE["experiments"])


def define(session: Session) -> None:
    """Define the shop, start everything, and stop what has ended."""
    catalogue.apply(session, CATALOGUE, now=NOW)
    for key in KEYS:
        experiments.start(session, "shop", key, Moment(NOW), anyway="a shop of odd experiments")
    experiments.stop(session, "shop", "ended", Moment(NOW))
