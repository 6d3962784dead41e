"""The packages of npm as they are published: types included, and nothing that is only ours."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

JS = Path(__file__).parents[2] / "sdk" / "js"
NPM = shutil.which("npm")
pytestmark = pytest.mark.skipif(NPM is None, reason="npm is not there")

CONSUMER = """
import { compileConfig, createClient, type Client, type Decision, tokenUnit } from "abplat-sdk";
import { createClient as createBrowserClient, type BrowserClient } from "abplat-sdk/browser";
import { createClient as createNodeClient, folderStore } from "abplat-sdk/node";

const client: Client = createNodeClient("http://127.0.0.1:9", "abs_x", { pollSeconds: 0, store: folderStore("store") });
const decision: Decision = client.decide("form", "cust:7", { country: "DE" }, { channel: "web", default: "control" });
const joined: Promise<boolean> = client.identify("anon:w1", null, { identityToken: "abi1.AAFrSdIAY3VzdDo3.x" });
const unit: string | null = tokenUnit("abi1.AAFrSdIAY3VzdDo3.x");
const make: (url: string, key: string) => BrowserClient = createBrowserClient;
console.log(decision.variant, decision.reason, unit, typeof compileConfig, typeof createClient, typeof make, joined instanceof Promise);
await client.close(0);
"""


def pack(folder: Path, *arguments: str) -> dict[str, Any]:
    """Pack a package and return what npm says of it."""
    assert NPM is not None
    command = [NPM, "pack", "--json", "--offline", "--silent", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    (found,) = json.loads(done.stdout[done.stdout.index("[\n") :])
    return dict(found)


def test_the_sdk_packs_with_types() -> None:
    """Built modules, their types and the README; no sources and no tests."""
    paths = {file["path"] for file in pack(JS, "--dry-run")["files"]}

    for name in ("index", "browser", "node"):
        assert {f"dist/{name}.js", f"dist/{name}.d.ts"} <= paths
    assert {"README.md", "package.json"} <= paths
    assert all(path.startswith("dist/") for path in paths - {"README.md", "package.json"})


def test_the_packed_sdk_compiles_and_runs(tmp_path: Path) -> None:
    """A host with TypeScript's strictest settings imports every entry and decides."""
    tarball = tmp_path / pack(JS, "--pack-destination", str(tmp_path))["filename"]
    with tarfile.open(tarball) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (tmp_path / "node_modules").mkdir()
    shutil.move(tmp_path / "unpacked" / "package", tmp_path / "node_modules" / "abplat-sdk")
    (tmp_path / "host.mts").write_text(CONSUMER)
    compiler = [
        "node",
        JS / "node_modules" / "typescript" / "bin" / "tsc",
        "--strict",
        "--module",
        "nodenext",
    ]
    compiled = subprocess.run(
        [*compiler, "--target", "es2022", "--lib", "es2022,dom", "--types", "", "host.mts"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert compiled.returncode == 0, compiled.stdout
    ran = subprocess.run(["node", "host.mjs"], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert ran.stdout.split() == ["control", "not_ready", "cust:7", *["function"] * 3, "true"], ran.stderr


def test_the_openfeature_package_packs_with_types() -> None:
    """Each module beside its types."""
    paths = {file["path"] for file in pack(JS / "openfeature", "--dry-run")["files"]}

    modules = {path.removesuffix(".mjs") for path in paths if path.endswith(".mjs")}
    assert modules == {"server", "web", "recorder"}
    assert {f"{name}.d.mts" for name in modules} | {"README.md", "package.json"} <= paths
