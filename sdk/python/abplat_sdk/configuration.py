"""Where the configuration comes from: memory, then disk, then the bootstrap; and how it stays fresh."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from abplat_sdk.backoff import Backoff
from abplat_sdk.document import ConfigError
from abplat_sdk.evaluator import Evaluator, compile_config
from abplat_sdk.health import Health
from abplat_sdk.transport import MAX_BODY, Reply, Transport, TransportError


class Held(NamedTuple):
    """The configuration in use; replaced as a whole, so that no thread sees half of a change."""

    evaluator: Evaluator | None
    source: str
    fetched_at: float
    etag: str


class ConfigurationSource:
    """Holds the last good configuration and fetches newer ones.

    Args:
        transport: A connection of its own, so that a slow download never delays events.
        reach: Shared with the sender: while the platform cannot be reached, one of them probes.
        health: Told about changes of state.
        cache: File that outlives the process, and what its document belongs to: another address or key
            must not use it.
        follow: Told of each configuration before it is used.
    """

    def __init__(
        self,
        transport: Transport,
        reach: Backoff,
        health: Health,
        cache: tuple[Path | None, str],
        follow: Callable[[Evaluator], None],
    ) -> None:
        self.held = Held(None, "none", 0.0, "")
        self.is_stopped = False
        self.transport = transport
        self._reach = reach
        self._backoff = reach.like()
        self._hold_until = 0.0
        self._health = health
        self._cache_path, owner = cache
        self._owner = hashlib.sha256(owner.encode()).hexdigest()[:16]
        self._follow = follow

    def after_fork(self) -> None:
        """Become usable in a child process."""
        self._backoff.renew_lock()
        self.transport.abandon()

    def wait(self) -> float:
        """Return the seconds until the next attempt may be made."""
        hold = max(self._hold_until - time.monotonic(), 0.0)
        return max(hold, self._backoff.remaining(), self._reach.remaining())

    def load(self, bootstrap: Mapping[str, Any] | str | Path | None) -> None:
        """Start with the cached document, or with the bootstrap."""
        if self._cache_path is not None and self._load_cache(self._cache_path):
            return
        if bootstrap is None:
            return
        try:
            given = bootstrap if isinstance(bootstrap, Mapping) else json.loads(Path(bootstrap).read_bytes())
            self._use(Held(compile_config(given), "bootstrap", 0.0, ""))
        except (OSError, ValueError, RecursionError) as error:
            self._health.enter("configuration", "bad bootstrap", str(error))

    def _load_cache(self, path: Path) -> bool:
        """Read the file of an earlier run; whatever is wrong with it, it is as if there were none."""
        try:
            if path.stat().st_size > 2 * MAX_BODY:
                return False
            kept = json.loads(path.read_bytes())
            if kept["owner"] != self._owner:
                return False
            evaluator = compile_config(kept["document"])
            self._use(Held(evaluator, "cache", float(kept["fetched_at"]), str(kept["etag"])))
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return False
        return True

    def fetch(self, timeout: float | None = None) -> bool:
        """Ask for a newer configuration; say whether the platform answered well."""
        held = self.held
        headers = {"If-None-Match": held.etag} if held.etag and held.evaluator is not None else {}
        try:
            reply = self.transport.request("GET", "/sdk/v1/config", headers=headers, timeout=timeout)
        except TransportError as error:
            self._reach.fail()
            self._health.enter("configuration", "unreachable", str(error))
            return False
        self._reach.succeed()
        if reply.status == 304 and headers:
            self.held = held._replace(source="network", fetched_at=time.time())
            return self._succeed()
        if reply.status == 200:
            return self._take(reply)
        return self._note_refusal(reply)

    def _take(self, reply: Reply) -> bool:
        """Compile a new document and swap it in; keep the old one when it is broken."""
        try:
            document = json.loads(reply.body)
            evaluator = compile_config(document)
        except (ConfigError, ValueError, RecursionError) as error:
            return self._fail("bad configuration", f"kept the last good one; {error}")
        self._use(Held(evaluator, "network", time.time(), reply.headers.get("etag", "")))
        self._save(document)
        return self._succeed()

    def _use(self, held: Held) -> None:
        """Swap a configuration in."""
        if held.evaluator is not None:
            self._follow(held.evaluator)
        self.held = held

    def _note_refusal(self, reply: Reply) -> bool:
        """Take note of an answer that holds no configuration."""
        if reply.status in {401, 403}:
            self.is_stopped = True
            detail = f"status {reply.status}: check the API key; polling has stopped"
            self._health.enter("configuration", "unauthorized", detail)
            return False
        if reply.status in {429, 503} and reply.retry_after is not None:
            self._hold_until = time.monotonic() + reply.retry_after
            self._health.enter(
                "configuration", "throttled", f"the server asks to wait {reply.retry_after:.0f} s"
            )
            return False
        return self._fail("failing", f"status {reply.status}")

    def _fail(self, state: str, detail: str) -> bool:
        """Note that the platform answers, but not as it should."""
        self._backoff.fail()
        self._health.enter("configuration", state, detail)
        return False

    def _succeed(self) -> bool:
        """Note a success."""
        self._backoff.succeed()
        self.is_stopped = False
        self._health.enter("configuration", "ok")
        return True

    def _save(self, document: object) -> None:
        """Keep a document on disk, whole or not at all."""
        if self._cache_path is None:
            return
        held = self.held
        kept = {"owner": self._owner, "etag": held.etag, "fetched_at": held.fetched_at, "document": document}
        try:
            _replace_file(self._cache_path, json.dumps(kept).encode())
        except OSError as error:
            self._health.enter("configuration", "cache not writable", str(error))


def _replace_file(path: Path, content: bytes) -> None:
    """Write a file beside the old one, then rename it into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
