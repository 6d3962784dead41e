"""Compare a local decision with a hand-written murmur3 closure, and with other SDKs, in the same process.

The closure is the least that could be written: it returns the variant alone, as ``evaluator.variant`` does.
A full decision also says why, from which bucket and by which configuration. Other SDKs are measured where
they are installed: ``pip install growthbook eppo-server-sdk UnleashClient``. Lower is better.
"""

from __future__ import annotations

import json
import logging
import tempfile
import time
from bisect import bisect_right
from collections.abc import Callable
from functools import partial
from typing import Any

import mmh3
from abplat_sdk import compile_config

SECONDS = 3.0
UNITS = [f"cust:{number}" for number in range(2_000)]
ATTRIBUTES = {"country": "DE", "age": 41, "version": "2.4.1"}
RULE = {
    "all": [
        {"attribute": "country", "op": "in", "value": ["DE", "AT", "CH"]},
        {"attribute": "age", "op": "gte", "value": 18},
        {"attribute": "version", "op": "semver_gte", "value": "2.0.0"},
    ]
}


def make_experiment(key: str, bounds: list[int], **fields: Any) -> dict[str, Any]:
    """Describe an experiment whose variants end at the bounds."""
    variants = [{"key": f"v{n}", "bound": bound, "payloads": {}} for n, bound in enumerate(bounds)]
    base = {"key": key, "salt": "9f2c1a07", "hash_version": 1, "unit_type": "cust", "state": "running"}
    rest = {
        "layer": None,
        "holdouts": [],
        "included": 10_000,
        "control": "v0",
        "targeting": None,
        "overrides": {},
    }
    return {**base, **rest, "variants": variants, **fields}


def make_floor(seed: int) -> Callable[[str], str]:
    """Write the closure that every ratio is taken against."""
    hash_of = mmh3.hash

    def floor(unit: str) -> str:
        return "v0" if hash_of(unit, seed, signed=False) % 10_000 < 5_000 else "v1"

    return floor


def time_call(call: Callable[[str], Any]) -> float:
    """Return microseconds per call of one round."""
    start = time.perf_counter()
    for unit in UNITS:
        call(unit)
    return (time.perf_counter() - start) / len(UNITS) * 1e6


def time_keyed(call: Callable[[str, str], Any]) -> float:
    """Return microseconds per call of one round, for a call that names its experiment as hosts do."""
    start = time.perf_counter()
    for unit in UNITS:
        call("half", unit)
    return (time.perf_counter() - start) / len(UNITS) * 1e6


def make_targeted_floor(seed: int) -> Callable[[str], str | None]:
    """Write by hand the same three conditions and four variants."""
    hash_of, bounds, names = mmh3.hash, [2_500, 5_000, 7_500, 10_000], ["v0", "v1", "v2", "v3"]
    countries, attributes = {"DE", "AT", "CH"}, ATTRIBUTES

    def floor(unit: str) -> str | None:
        if attributes["country"] not in countries or attributes["age"] < 18:
            return None
        if tuple(map(int, attributes["version"].split("."))) < (2, 0, 0):
            return None
        return names[bisect_right(bounds, hash_of(unit, seed, signed=False) % 10_000)]

    return floor


def make_cases() -> list[tuple[str, int, Callable[[], float], Callable[[str], Any]]]:
    """List what is compared: name, decisions per call, one timed round, closure that does the same work."""
    many = [make_experiment(f"e{number}", [5_000, 10_000], salt=f"salt{number:04}") for number in range(50)]
    targeted = make_experiment("targeted", [2_500, 5_000, 7_500, 10_000], targeting=RULE)
    document = {"schema_version": 1, "version": "bench", "project": "bench", "segments": {}}
    evaluator = compile_config(
        {**document, "experiments": [make_experiment("half", [5_000, 10_000]), targeted]}
    )
    everything = compile_config({**document, "experiments": many})
    floors = [make_floor(seed) for seed in range(50)]
    decide = evaluator.decide
    return [
        ("50/50, variant alone", 1, partial(time_keyed, evaluator.variant), make_floor(7)),
        ("50/50, decision", 1, partial(time_keyed, decide), make_floor(7)),
        (
            "3 conditions, 4 variants",
            1,
            partial(time_call, lambda unit: decide("targeted", unit, ATTRIBUTES)),
            make_targeted_floor(7),
        ),
        (
            "all of 50",
            50,
            partial(time_call, everything.decide_all),
            lambda unit: [floor(unit) for floor in floors],
        ),
    ]


def make_growthbook() -> Callable[[str], Any]:
    """Write a 50/50 split for GrowthBook."""
    from growthbook import GrowthBook  # noqa: PLC0415  # may not be there

    rule = {"variations": ["v0", "v1"], "weights": [0.5, 0.5], "hashAttribute": "id", "key": "half"}
    features = {"half": {"defaultValue": "v0", "rules": [{**rule, "hashVersion": 2, "seed": "9f2c1a07"}]}}
    client = GrowthBook(features=features)

    def decide(unit: str) -> Any:
        client.set_attributes({"id": unit})
        return client.eval_feature("half")

    return decide


def make_eppo(*, is_logged: bool, is_detailed: bool = False) -> Callable[[str], Any]:
    """Write a 50/50 split for Eppo; without its log an assignment can be analysed by nobody."""
    import eppo_client  # noqa: PLC0415  # may not be there

    class Log(eppo_client.AssignmentLogger):
        def log_assignment(self, event: dict[str, Any]) -> None:
            pass

    splits = [
        {"variationKey": f"v{n}", "shards": [{"salt": "9f", "ranges": [{"start": at, "end": at + 5_000}]}]}
        for n, at in enumerate((0, 5_000))
    ]
    flag = {
        "key": "half",
        "enabled": True,
        "variationType": "STRING",
        "variations": {key: {"key": key, "value": key} for key in ("v0", "v1")},
        "totalShards": 10_000,
        "allocations": [{"key": "a", "rules": [], "doLog": is_logged, "splits": splits}],
    }
    document = {"createdAt": "2024-04-17T00:00:00Z", "format": "SERVER", "environment": {"name": "bench"}}
    held = eppo_client.Configuration(
        flags_configuration=json.dumps({**document, "flags": {"half": flag}}).encode()
    )
    config = eppo_client.ClientConfig(
        api_key="none", assignment_logger=Log(), initial_configuration=held, poll_interval_seconds=None
    )
    client = eppo_client.init(config)
    ask = client.get_string_assignment_details if is_detailed else client.get_string_assignment
    nothing: dict[str, Any] = {}
    return lambda unit: ask("half", unit, nothing, "none")


def make_unleash() -> Callable[[str], Any]:
    """Write a 50/50 split for Unleash."""
    from UnleashClient import UnleashClient  # noqa: PLC0415  # may not be there
    from UnleashClient.cache import FileCache  # noqa: PLC0415  # may not be there

    variants = [{"name": f"v{n}", "weight": 500, "stickiness": "userId"} for n in range(2)]
    parameters = {"rollout": "100", "stickiness": "userId", "groupId": "half"}
    strategy = {"name": "flexibleRollout", "parameters": parameters, "variants": variants}
    cache = FileCache("bench", directory=tempfile.mkdtemp())
    cache.bootstrap_from_dict(
        {"version": 2, "features": [{"name": "half", "enabled": True, "strategies": [strategy]}]}
    )
    options = {"disable_metrics": True, "disable_registration": True}
    client = UnleashClient("http://127.0.0.1:9/api", "bench", cache=cache, **options)
    client.initialize_client(fetch_toggles=False)
    return lambda unit: client.get_variant("half", {"userId": unit})


PEERS: dict[str, Callable[[], Callable[[str], Any]]] = {
    "eppo, not logged": partial(make_eppo, is_logged=False),
    "eppo, logged": partial(make_eppo, is_logged=True),
    "eppo, with details": partial(make_eppo, is_logged=False, is_detailed=True),
    "growthbook": make_growthbook,
    "unleash": make_unleash,
}


def compare(name: str, ours: Callable[[], float], floor: Callable[[str], Any], per_call: int = 1) -> None:
    """Print the least time of both over many short rounds in turns: what a busy machine adds is left out."""
    mine = least = float("inf")
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        mine, least = min(mine, ours() / per_call), min(least, time_call(floor) / per_call)
    print(f"{name:26} decision {mine:6.3f} us   murmur3 closure {least:6.3f} us   ratio {mine / least:5.1f}x")


def measure_peers() -> None:
    """Print what other SDKs take for the 50/50 split."""
    logging.disable()  # Eppo and Unleash tell of every start
    for name, make in PEERS.items():
        try:
            decide = make()
        except ImportError:
            print(f"{name:26} is not installed")
            continue
        compare(name, partial(time_call, decide), make_floor(7))


def main() -> None:
    """Print microseconds per decision and the ratio, per case."""
    for name, per_call, decide, floor in make_cases():
        compare(name, decide, floor, per_call)
    measure_peers()


if __name__ == "__main__":
    main()
