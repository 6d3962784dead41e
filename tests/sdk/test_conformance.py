"""Python and JavaScript against the same vectors, and against each other."""

from __future__ import annotations

import gzip
import importlib.util
import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from abplat_sdk import Client
from abplat_sdk.buffer import MemoryBuffer
from abplat_sdk.sightings import Sightings
from scipy.stats import chi2

from abplat.analysis.hashing import Texts, hash_many

ROOT = Path(__file__).parents[2]
VECTORS = ROOT / "sdk" / "vectors"
JS = ROOT / "sdk" / "js"
QUICK: dict[str, Any] = {"poll_seconds": 0, "flush_seconds": 0.02, "backoff": (0.01, 0.05), "timeout": 5.0}

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="no node here")


def load(name: str) -> dict[str, Any]:
    """Read one file of vectors."""
    return json.loads((VECTORS / name).read_text("utf-8"))  # type: ignore[no-any-return]


def load_module(path: Path) -> ModuleType:
    """Load a script that belongs to no package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def built() -> Path:
    """Build the JavaScript modules."""
    if not (JS / "node_modules" / "esbuild").exists():
        pytest.fail("sdk/js/node_modules is missing; run scripts/prepare test")
    subprocess.run(["node", "build.mjs", "modules"], cwd=JS, check=True)
    return JS / "dist"


def test_there_are_enough_vectors_of_every_kind() -> None:
    """At least a thousand in all, and hostile ids among them."""
    kinds = ("hashes", "targeting", "decisions", "identities", "faults", "refused")
    counts = {kind: len(load(f"{kind}.json")["cases"]) for kind in kinds}

    assert min(counts.values()) >= 30
    assert sum(counts.values()) >= 1_000
    for kind in ("hashes", "decisions", "identities"):
        text = (VECTORS / f"{kind}.json").read_text("utf-8")
        assert all(hostile in text for hostile in ("__proto__", r"\u0000", r"\ud83c\udfaa", "c" * 256))


def test_identities_agree_in_python() -> None:
    """Every link answers and every unit is bound as the diary says."""
    for case in load("identities.json")["cases"]:
        sightings, answers = Sightings(MemoryBuffer()), []
        for step in case["steps"]:
            ((verb, words),) = step.items()
            if verb == "saw":
                sightings.saw(*words)
            elif verb == "link":
                answers.append(sightings.link(*words)[0])
            else:
                sightings.inherit(*words)

        assert answers == case["assignments"], case["name"]
        assert sightings.pins == case["pins"], case["name"]


@pytest.fixture
def platform() -> Iterator[Any]:
    """A platform made of a real HTTP server, as the SDK's own tests have it."""
    fake = load_module(ROOT / "sdk" / "python" / "tests" / "conftest.py").FakePlatform()
    fake.start()
    yield fake
    fake.stop()


@pytest.mark.parametrize("fault", load("faults.json")["cases"], ids=lambda fault: str(fault["name"]))
def test_a_fault_leaves_the_last_good_configuration_in_python(
    fault: dict[str, Any], platform: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever arrives, decisions stay as they were, and one line says so."""
    text = (fault["text"] * fault["repeat"]).encode()
    body = gzip.compress(text, 1) if fault["gzip"] else text
    client = Client(platform.url, "abs_test", **QUICK)
    assert client.refresh()
    before = client.decide("e", "cust:1")
    platform.answers["/sdk/v1/config"] = lambda: (fault["status"], fault["headers"], body)

    with caplog.at_level(logging.INFO, logger="abplat_sdk"):
        answered = [client.refresh() for _ in range(3)]
    assert not any(answered)
    assert len(caplog.records) == 1
    assert client.decide("e", "cust:1") == before
    del platform.answers["/sdk/v1/config"]
    assert client.refresh()
    assert client.close(1) == 0


@needs_node
@pytest.mark.timeout(300)
def test_javascript_passes_its_tests(built: Path) -> None:
    """Vectors, client and a runtime like React Native."""
    command = ["node", "--test", "--test-timeout=120000", "tests/"]
    done = subprocess.run(command, cwd=JS, check=False, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout[-5_000:] + done.stderr[-2_000:]
    assert built.exists()


@needs_node
def test_types_are_sound(tmp_path: Path) -> None:
    """The compiler finds no fault, and writes the types that the package carries."""
    compiler = ["node", "node_modules/typescript/bin/tsc", "-p", "tsconfig.json", "--outDir", tmp_path]
    done = subprocess.run(compiler, cwd=JS, check=False, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout
    assert "exposeBeforeRedirect" in (tmp_path / "client.d.ts").read_text()


@needs_node
@pytest.mark.timeout(300)
def test_python_and_javascript_hash_alike(built: Path) -> None:
    """A million random pairs of salt and unit by digests, and 20,000 of every length one by one."""
    agreement = load_module(ROOT / "benchmarks" / "agreement.py")

    assert built.exists()
    assert agreement.count_different_thousands(1_000_000) == 0
    assert agreement.count_differences(20_000) == 0


@pytest.mark.calibration
@pytest.mark.timeout(600)
def test_salts_are_independent() -> None:
    """The splits of 200 experiments over 100,000 customers tell nothing of each other, nor of inclusion.

    Chi-squared with one degree of freedom for each of the 19,900 pairs. One pair beyond the 10^-8 point
    would be a fault of the hash; the share beyond the 1 % point must be 1 %, give or take four standard
    errors of a binomial.
    """
    n_units, n_salts = 100_000, 200
    units = Texts([f"cust:{number}" for number in range(n_units)])
    split = np.empty((n_salts, n_units), dtype=np.float32)
    inclusion = np.empty_like(split)
    for index in range(n_salts):
        words = np.stack(hash_many(f"{index * 2654435761 % 2**32:08x}", units))
        split[index], inclusion[index] = np.where(words % 10_000 < 5_000, 1.0, -1.0)
    # For halves coded as +1 and -1 the statistic of a 2 x 2 table is n times the squared correlation.
    pairs = (split @ split.T)[np.triu_indices(n_salts, 1)].astype(float) ** 2 / n_units
    own = (split * inclusion).sum(axis=1, dtype=float) ** 2 / n_units
    even = split.sum(axis=1, dtype=float) ** 2 / n_units
    beyond = float(np.mean(pairs > chi2.isf(0.01, 1)))

    assert len(pairs) == 19_900
    assert max(pairs.max(), own.max(), even.max()) < chi2.isf(1e-8, 1)
    assert abs(beyond - 0.01) < 4 * (0.01 * 0.99 / len(pairs)) ** 0.5
