"""Delivery of what was recorded: batches, retries with the same ids, refusals counted."""

from __future__ import annotations

import json
import logging
import threading
import time
from typing import Any

from abplat_sdk.backoff import PROBE_SECONDS, Backoff
from abplat_sdk.buffer import Buffer, Record
from abplat_sdk.health import Health, Refusal
from abplat_sdk.records import join_events, make_alias
from abplat_sdk.sightings import Sightings
from abplat_sdk.tokens import token_unit
from abplat_sdk.transport import Reply, Transport, TransportError

MAX_BATCH = 500
MAX_IDENTIFICATIONS = 100
_MAX_BATCH_BYTES = 900_000
_LOOK_SECONDS = 0.005
_REFUSED = frozenset({400, 403, 404, 409, 413, 422})
_log = logging.getLogger("abplat_sdk")


class Sender:
    """Empties a buffer into the platform. Any thread may call it; they take turns.

    Args:
        transport: A connection of its own.
        buffer: Where records wait.
        reach: Shared with the poller: while the platform cannot be reached, one of them probes.
        health: Told about counts and changes of state.
        sightings: Told about the platform's pins.
    """

    def __init__(
        self, transport: Transport, buffer: Buffer, reach: Backoff, health: Health, sightings: Sightings
    ) -> None:
        self.transport = transport
        self.is_stopped = False
        self._buffer = buffer
        self._reach = reach
        self._backoff = reach.like()
        self._health = health
        self._sightings = sightings
        self._turn = threading.Lock()
        self._batch = MAX_BATCH
        self._hold_until = 0.0
        self._takes_many = True
        self._told = 0  # dropped records that the platform has heard of
        self._is_public = transport.is_public
        self._expected: dict[str, threading.Event] = {}

    def after_fork(self) -> None:
        """Become usable in a child process."""
        self._turn = threading.Lock()
        self._backoff.renew_lock()
        self.transport.abandon()
        self._expected = {}

    def expect(self, record_id: str) -> threading.Event:
        """Return a sign that is set when the platform has answered an identification."""
        if len(self._expected) >= MAX_BATCH:
            del self._expected[next(iter(self._expected))]
        return self._expected.setdefault(record_id, threading.Event())

    def settle(self, answered: threading.Event, timeout: float) -> None:
        """Send identifications until one is answered or the time is over; events are left to others."""
        deadline = time.monotonic() + timeout
        while not answered.is_set() and not self.is_stopped and time.monotonic() < deadline:
            if not self._turn.acquire(timeout=_LOOK_SECONDS):
                continue  # whoever has the turn sends identifications first
            try:
                if answered.is_set() or self._hold() > deadline - time.monotonic():
                    return
                sent = self._identify_next(deadline - time.monotonic())
            finally:
                self._turn.release()
            if not sent:
                answered.wait(min(max(self._wait(), 0.01), max(deadline - time.monotonic(), 0.0)))

    def drain(self) -> None:
        """Send until nothing waits or something fails."""
        with self._turn:
            while self._may_go_on() and not self._wait() and self._reach.try_enter(PROBE_SECONDS):
                if not self._send_next(None):
                    return

    def flush(self, timeout: float) -> None:
        """Send until nothing waits or the time is over. The first attempt does not wait for a back-off."""
        deadline = time.monotonic() + timeout
        if not self._turn.acquire(timeout=max(timeout, 0.0)):
            return
        try:
            wait = self._hold()
            while self._may_go_on() and time.monotonic() + wait < deadline:
                time.sleep(wait)
                wait = 0.0 if self._send_next(deadline - time.monotonic()) else max(self._wait(), 0.01)
        finally:
            self._turn.release()

    def close(self, timeout: float) -> None:
        """Close the connection, unless another thread is still busy with it."""
        if self._turn.acquire(timeout=timeout):
            self.transport.close()
            self._turn.release()

    def _may_go_on(self) -> bool:
        """Say whether there is something to send and leave to send it."""
        return not self.is_stopped and self._buffer.count() > 0

    def _hold(self) -> float:
        """Return the seconds that the platform asked to wait."""
        return max(self._hold_until - time.monotonic(), 0.0)

    def _wait(self) -> float:
        """Return the seconds until the next attempt."""
        return max(self._hold(), self._backoff.remaining(), self._reach.remaining())

    def _send_next(self, timeout: float | None) -> bool:
        """Send one identification or one batch; say whether it is off the list."""
        if self._buffer.count("identify"):
            return self._identify_next(timeout)
        return self._send_batch(self._take_batch(), timeout)

    def _take_batch(self) -> list[Record]:
        """Return the oldest events that fit into one request."""
        batch: list[Record] = []
        size = 0
        for number, text in self._buffer.peek("event", self._batch):
            size += len(text.encode()) + 1
            if batch and size > _MAX_BATCH_BYTES:
                break
            batch.append((number, text))
        return batch

    def _send_batch(self, batch: list[Record], timeout: float | None) -> bool:
        """Send events and take note of the answer."""
        if not batch:
            return False
        lost = self._health.counts["dropped"] + self._buffer.dropped
        body = join_events([text for _, text in batch], lost - self._told)
        reply = self._post("/v1/events", body, timeout)
        if reply is None:
            return False
        answer = reply.json()
        if reply.status in _REFUSED:
            return self._refuse_batch(batch, reply.status, answer)
        if not isinstance(answer, dict) or not isinstance(answer.get("accepted"), int):
            return self._fail(f"status {reply.status} without the answer of an abplat server")
        self._buffer.remove("event", [number for number, _ in batch])
        self._batch = min(self._batch * 2, MAX_BATCH)
        self._told = lost
        self._count(len(batch), answer)
        return self._succeed()

    def _count(self, sent: int, answer: dict[str, Any]) -> None:
        """Add up what became of a batch."""
        self._health.add("sent", sent)
        self._health.add("accepted", answer["accepted"])
        duplicates, refused = answer.get("duplicates"), answer.get("refused")
        self._health.add("duplicates", duplicates if isinstance(duplicates, int) else 0)
        for item in refused if isinstance(refused, list) else []:
            found = item if isinstance(item, dict) else {}
            self._health.refuse(Refusal(str(found.get("code", "")), str(found.get("message", ""))))

    def _refuse_batch(self, batch: list[Record], status: int, answer: Any) -> bool:
        """Find the event for which a whole batch was refused, by halving; let go of it once it is alone."""
        if status in {403, 404} or not isinstance(answer, dict) or "code" not in answer:
            return self._stop(status) if status == 403 else self._fail(f"status {status}")
        if len(batch) > 1:
            self._batch = max(len(batch) // 2, 1)
            return True
        self._buffer.remove("event", [batch[0][0]])
        self._health.add("sent")
        self._health.refuse(Refusal(str(answer["code"]), str(answer.get("detail", answer.get("title", "")))))
        return self._succeed()

    def _identify_next(self, timeout: float | None) -> bool:
        """Send the identifications that wait: one alone, or several at once."""
        records = self._buffer.peek("identify", MAX_IDENTIFICATIONS if self._takes_many else 1)
        if len(records) > 1:
            return self._identify_many(records, timeout)
        return self._identify(records[0], timeout) if records else False

    def _identify(self, record: Record, timeout: float | None) -> bool:
        """Send one identification and take over the pins."""
        reply = self._post("/v1/identify", record[1].encode(), timeout)
        if reply is None:
            return False
        answer = reply.json()
        if not isinstance(answer, dict):
            return self._fail(f"status {reply.status} without the answer of an abplat server")
        self._take_answer(record, reply.status, answer)
        return self._succeed()

    def _identify_many(self, records: list[Record], timeout: float | None) -> bool:
        """Send several identifications and take over all pins."""
        body = f'{{"identifications":[{",".join(text for _, text in records)}]}}'
        reply = self._post("/v1/identify/batch", body.encode(), timeout)
        if reply is None:
            return False
        answer = reply.json()
        results = answer.get("results") if isinstance(answer, dict) else None
        if reply.status in _REFUSED:
            self._takes_many = False  # an older server, or a body too large: one after the other
            return True
        if not isinstance(results, list) or len(results) != len(records):
            return self._fail(f"status {reply.status} without the answer of an abplat server")
        for record, result in zip(records, results, strict=True):
            found = result if isinstance(result, dict) else {}
            status = found.get("status")
            self._take_answer(record, status if isinstance(status, int) else 200, found)
        return self._succeed()

    def _take_answer(self, record: Record, status: int, answer: dict[str, Any]) -> None:
        """Let go of an identification and take over its pins."""
        number, text = record
        self._buffer.remove("identify", [number])
        said = json.loads(text)
        known = said["known"] if "known" in said else token_unit(said["identity_token"])
        if status in _REFUSED:
            self._health.refuse(Refusal(str(answer.get("code", "")), str(answer.get("detail", ""))))
            if self._is_public:  # a token may have expired offline: the join is a fact all the same
                self._buffer.put("event", make_alias(said["anonymous"], str(known), said["ts"]))
        else:
            pins = answer.get("pins")
            clean = pins if isinstance(pins, dict) else {}
            self._sightings.inherit(str(known), {k: v for k, v in clean.items() if isinstance(v, str)})
        sign = self._expected.pop(str(said["id"]), None)
        if sign is not None:
            sign.set()

    def ask(self, path: str, question: dict[str, Any], timeout: float) -> dict[str, Any] | None:
        """Ask the platform something that is not kept; None when it does not answer."""
        body = json.dumps({name: value for name, value in question.items() if value is not None}).encode()
        if not self._turn.acquire(timeout=max(timeout, 0.0)):
            return None
        try:
            reply = self.transport.request("POST", path, body=body, timeout=timeout)
        except TransportError:
            return None
        finally:
            self._turn.release()
        answer = reply.json() if reply.status == 200 else None
        return answer if isinstance(answer, dict) else None

    def _post(self, path: str, body: bytes, timeout: float | None) -> Reply | None:
        """Send a request; None when it has to be sent again later."""
        try:
            reply = self.transport.request("POST", path, body=body, timeout=timeout)
        except TransportError as error:
            self._reach.fail()
            self._health.enter("events", "unreachable", str(error))
            return None
        self._reach.succeed()
        if reply.status == 401:
            self._stop(reply.status)
        elif reply.status in {429, 503} and reply.retry_after is not None:
            self._hold_until = time.monotonic() + reply.retry_after
            self._health.enter("events", "throttled", f"the server asks to wait {reply.retry_after:.0f} s")
        elif 200 <= reply.status < 300 or reply.status in _REFUSED:
            return reply
        else:
            self._fail(f"status {reply.status}")
        return None

    def _fail(self, detail: str) -> bool:
        """Note that the platform answers, but not as it should; the record stays."""
        self._backoff.fail()
        self._health.enter("events", "failing", detail)
        return False

    def _stop(self, status: int) -> bool:
        """Stop for good: the key will not become valid by asking again."""
        self.is_stopped = True
        self._health.enter(
            "events", "unauthorized", f"status {status}: check the API key; sending has stopped"
        )
        return False

    def _succeed(self) -> bool:
        """Note a success."""
        self._backoff.succeed()
        self._health.enter("events", "ok")
        return True
