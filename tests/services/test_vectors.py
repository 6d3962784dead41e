"""The service against the conformance vectors that the SDKs run: hashes, rules and identities."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from abplat_sdk import compile_config
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from abplat.db.queries.assignments import FRESH, Pin
from abplat.domain.identities import Identification, fault_of_id, is_nobody
from abplat.services import decisions, ledger, projects
from tests.conftest import NOW

VECTORS = Path(__file__).parents[2] / "sdk" / "vectors"
Case = dict[str, Any]


def load(name: str) -> dict[str, Any]:
    """Read one file of vectors."""
    return json.loads((VECTORS / f"{name}.json").read_text("utf-8"))  # type: ignore[no-any-return]


def ask(document: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """Decide the only experiment of a document as a question over HTTP does."""
    made = decisions.decide(compile_config(document), decisions.parse_question(asked))
    (decision,) = made.values()
    return decision._asdict()


def make_document(**fields: Any) -> dict[str, Any]:
    """Return a configuration with one experiment for everybody."""
    experiment = {**load("decisions")["config"]["experiments"][0], **fields}
    return {"schema_version": 1, "version": "v", "project": "vectors", "experiments": [experiment]}


def test_the_service_hashes_as_the_vectors_say() -> None:
    """Every hostile unit under every salt."""
    cases = load("hashes")["cases"]
    for case in cases:
        found = ask(make_document(salt=case["salt"]), {"unit": case["unit"]})
        assert (found["bucket"], found["unit"]) == (case["bucket"], case["unit"]), ascii(case)

    assert len(cases) >= 250


def test_the_service_targets_as_the_vectors_say() -> None:
    """Every operator, malformed rules included."""
    vectors = load("targeting")
    groups = {name: vectors[name] for name in ("segments", "personas")}
    for case in vectors["cases"]:
        document = {**make_document(targeting=case["rule"]), **groups}
        found = ask(document, {"unit": "cust:1", "attributes": case["attributes"]})
        assert found["in_experiment"] is case["expected"], ascii(case)


def is_for_the_ledger(case: Case) -> bool:
    """Say whether device and ledger have to agree: all is seen before it is known that it was one customer."""
    verbs = [verb for step in case["steps"] for verb in step]
    links = [step["link"] for step in case["steps"] if "link" in step]
    units = {unit for pair in links for unit in pair}
    return (
        "inherit" not in verbs
        and verbs == sorted(verbs, reverse=True)  # saw.., link..
        and len({known for _, known in links}) == 1
        and len({anonymous for anonymous, _ in links}) == len(links)
        and links[0][1].startswith("cust:")
        and not any(anonymous.startswith("cust:") for anonymous, _ in links)
        and all(fault_of_id(unit) is None and not is_nobody(unit) for unit in units)
    )


def test_the_ledger_binds_as_the_vectors_say(session: Session) -> None:
    """The customer has what was seen first under any id, in the ledger as on the device."""
    cases = list(filter(is_for_the_ledger, load("identities")["cases"]))
    for number, case in enumerate(cases):
        project = f"shop-{number}"
        projects.create(session, {"key": project, "title": case["name"]}, now=NOW)
        pins = live(session.connection(), project, case["steps"])

        assert pins == case["pins"].get(case["steps"][-1]["link"][1], {}), ascii(case)
    assert len(cases) >= 40


def live(connection: Connection, project: str, steps: list[dict[str, Any]]) -> dict[str, str]:
    """Let everything happen, a minute apart; return what the last join answers."""
    pins: dict[str, str] = {}
    for number, step in enumerate(steps):
        at = NOW + timedelta(minutes=number)
        if "saw" in step:
            unit, experiment, variant = step["saw"]
            ledger.assign(connection, project, (unit,), {experiment: Pin(variant, at, FRESH, None)})
        else:
            anonymous, known = step["link"]
            said = Identification(
                id=f"join-{number}", anonymous=anonymous, known=known, at=at, assignments={}
            )
            pins = ledger.identify(connection, project, said, at).pins
    return pins
