"""The doors that a customer of abplat has: the command line for set-up, REST for everything else."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import yaml

from abplat.clock import format_instant
from abplat.errors import UnavailableError


@dataclass(frozen=True)
class Door:
    """A running platform as it is seen from outside."""

    address: str
    data_dir: Path
    project: str

    @cached_property
    def admin_key(self) -> str:
        """The key with which the demo defines and asks."""
        return self.make_key("admin")

    def apply(self, document: dict[str, Any]) -> None:
        """Apply a document of definitions."""
        with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
            yaml.safe_dump(document, file)
            file.flush()
            self._command("apply", file.name)

    def make_key(self, kind: str) -> str:
        """Make an API key and return it."""
        return self._command("keys", "create", "--project", self.project, "--kind", kind).split()[0]

    def start(self, experiment: str, at: datetime) -> None:
        """Start an experiment at a past instant: the stories are told after the fact."""
        self._ask("POST", f"/v1/experiments/{experiment}/start", {"at": format_instant(at)})

    def analyse(self, experiment: str) -> None:
        """Queue an analysis."""
        self._ask("POST", f"/v1/experiments/{experiment}/analyse", {})

    def has_report(self, experiment: str) -> bool:
        """Say whether a report of the experiment is stored."""
        try:
            self._ask("GET", f"/v1/experiments/{experiment}/report")
        except HTTPError as error:
            if error.code != 404:
                raise
            return False
        return True

    def _command(self, *words: str) -> str:
        """Run a command of abplat on the demo's folder and return what it printed."""
        command = [sys.executable, "-m", "abplat.cli", *words, "--data-dir", str(self.data_dir)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            raise UnavailableError(f"abplat {' '.join(words)} failed: {done.stderr.strip()}")
        return done.stdout

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Send one request with the admin key and return the decoded answer."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.admin_key}", "Content-Type": "application/json"}
        request = Request(self.address + path, data, headers, method=method)  # noqa: S310 - our own server
        with urlopen(request, timeout=30) as answer:  # noqa: S310
            return json.loads(answer.read() or b"null")
