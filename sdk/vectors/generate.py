"""Write the conformance vectors from the words of the contract, the slow and plain way.

Run ``python sdk/vectors/generate.py`` to write the files anew, ``--check`` to see whether they are up to date.
"""

from __future__ import annotations

import itertools
import json
import sys
from functools import cmp_to_key
from pathlib import Path
from typing import Any

from cases import HOSTILE, call, make_bad_documents, make_calls, make_document, make_rules
from faults import make_faults
from identities import make_identities
from reference import compare_versions, decide, is_eligible, read_version, words

FOLDER = Path(__file__).parent


def make_hashes() -> list[dict[str, Any]]:
    """List salts and units with their words."""
    salts = ["9f2c1a07", "00000000", "ffffffffffffffff", "a:b", "sält"]
    units = [*HOSTILE.values(), *(f"cust:{number}" for number in range(20)), "anon:w1", "phone:+33600000001"]
    found = []
    for salt, unit in itertools.product(salts, units):
        first, second = words(salt, unit)
        found.append(
            {
                "salt": salt,
                "unit": unit,
                "word0": first,
                "word1": second,
                "bucket": first % 10000,
                "inclusion_bucket": second % 10000,
            }
        )
    return found


def make_groups(document: dict[str, Any]) -> dict[str, Any]:
    """Take the segments and personas of the project, and two that look at the attribute of the rules."""
    adult = {"rule": {"attribute": "a", "op": "gte", "value": 18}}
    minor = {"rule": {"attribute": "a", "op": "lt", "value": 18}}
    return {
        "segments": {**document["segments"], "adult": adult},
        "personas": {**document["personas"], "minor": minor},
    }


def make_files() -> dict[str, Any]:
    """Work out the content of every file."""
    document = make_document()
    calls = make_calls(document)
    decisions = [{**asked, "expected": decide(document, asked)} for asked in calls]
    groups = make_groups(document)
    rules = []
    for rule, values in make_rules():
        for value in values:
            asked = call("-", "cust:1", {"a": value})
            rules.append(
                {"rule": rule, "attributes": {"a": value}, "expected": is_eligible(rule, asked, groups)}
            )
    versions = sorted(
        [
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
        ],
        key=cmp_to_key(lambda left, right: compare_versions(read_version(left), read_version(right))),  # type: ignore[arg-type]
    )
    return {
        "hashes.json": {"about": "Hash contract, version 1.", "cases": make_hashes()},
        "decisions.json": {
            "about": "Whole decisions from one configuration.",
            "config": document,
            "cases": decisions,
        },
        "targeting.json": {
            "about": "Rules on one attribute; the unit is cust:1.",
            **groups,
            "versions_in_order": versions,
            "cases": rules,
        },
        "identities.json": {
            "about": "What happens on a device, what each link answers, and the pins at the end.",
            "cases": make_identities(),
        },
        "faults.json": {
            "about": "Answers to a request for the configuration, or for storing events, that are not the platform's.",
            "cases": make_faults(),
        },
        "refused.json": {"about": "Documents that must be refused whole.", "cases": make_bad_documents()},
    }


def main() -> int:
    """Write the files, or compare them."""
    stale = 0
    for name, content in make_files().items():
        text = (
            json.dumps(content, ensure_ascii=True, indent=None, separators=(",", ":")).replace(
                '},{"', '},\n{"'
            )
            + "\n"
        )
        path = FOLDER / name
        if "--check" in sys.argv:
            stale += not path.exists() or path.read_text("utf-8") != text
        else:
            path.write_text(text, "utf-8")
            print(f"{name}: {len(content['cases'])} cases")  # noqa: T201
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
