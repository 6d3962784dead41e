"""What a client says and asks about who somebody is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from abplat_sdk.evaluator import normalise_unit
from abplat_sdk.records import Instant, format_ts, make_alias, make_event_id, make_record
from abplat_sdk.sender import Sender
from abplat_sdk.sightings import Sightings
from abplat_sdk.tokens import token_unit


class CustomerCalls:
    """The part of the client that identifies customers and looks them up."""

    _sender: Sender
    _sightings: Sightings
    _wake: threading.Event
    _keep: Callable[[str, str], bool]
    _guard: Callable[[Callable[[], None]], None]
    _is_public: bool
    flush: Callable[[float], int]
    _note_invalid: Callable[[str], None]

    def identify(
        self,
        anonymous: str,
        known: str | None = None,
        *,
        identity_token: str | None = None,
        channel: str | None = None,
        ts: Instant = None,
        wait: float = 0.0,
    ) -> bool:
        """Say that an anonymous unit turned out to be a known one.

        From now on the known unit keeps the variants that the anonymous one was shown on this device; what
        else the platform remembers follows when it answers. The link is kept and sent again when offline.
        A client key is public: without a token it reports the join as an event and gets no pins.

        Args:
            anonymous: Identifier used before, such as ``anon:w1``.
            known: Identifier of the person, such as ``cust:7``.
            identity_token: Signed by the platform; names the person in place of ``known``.
            channel: Channel of the log-in.
            ts: When it happened.
            wait: Seconds to wait for the platform's answer to this call; events need not be sent by then.

        Returns:
            Whether the platform has answered in that time.
        """
        before = normalise_unit(anonymous)
        after = normalise_unit(known if identity_token is None else token_unit(identity_token))
        if before is None or after is None:
            self._note_invalid("identify needs two units of 1 to 256 characters")
            return False
        if self._is_public and identity_token is None:
            return self._report_join(before, after, ts, wait)
        named = {"known": after} if identity_token is None else {"identity_token": identity_token}
        record_id = make_event_id()
        try:
            assignments, assigned_at = self._sightings.link(before, after)
            known_phases = self._sightings.phases
            phases = {key: known_phases[key] for key in assignments if key in known_phases}
            shown = {"assignments": assignments, "assigned_at": assigned_at, "phases": phases or None}
            stamp = {"id": record_id, "anonymous": before, "channel": channel, "ts": format_ts(ts)}
            record = make_record({**stamp, **named, **shown})
            answered = self._sender.expect(record_id) if wait > 0 else None
            kept = self._keep("identify", record)
        except Exception as error:  # noqa: BLE001  # the SDK edge: neither odd objects nor a broken disk stop the host
            self._note_invalid(str(error))
            return False
        self._wake.set()
        if not kept or answered is None:
            return False
        self._guard(lambda: self._sender.settle(answered, wait))
        return answered.is_set()

    def _report_join(self, anonymous: str, known: str, ts: Instant, wait: float) -> bool:
        """Keep a join as an event; say whether it was sent in that time."""
        try:
            self._sightings.link(anonymous, known)
            kept = self._keep("event", make_alias(anonymous, known, format_ts(ts)))
        except Exception as error:  # noqa: BLE001  # the SDK edge, as above
            self._note_invalid(str(error))
            return False
        return kept and wait > 0 and self.flush(wait) == 0

    def context(
        self,
        unit: str | int | None = None,
        *,
        identity_token: str | None = None,
        channel: str | None = None,
        timeout: float = 2.0,
    ) -> dict[str, Any] | None:
        """Ask the platform what it knows of a customer, by any identifier or by an identity token.

        The variants that hold for the customer are pinned here too. Waits for the network; None without an
        answer.
        """
        text = normalise_unit(unit)
        named = {"id": text} if identity_token is None else {"identity_token": identity_token}
        if text is None and identity_token is None:
            return None
        found = self._sender.ask("/v1/context", {**named, "channel": channel}, timeout)
        if found is not None:
            self._guard(lambda: self._take_pins(text, found))
        return found

    def _take_pins(self, asked: str | None, context: dict[str, Any]) -> None:
        """Take over the pins of a context, for the id asked for and for the customer behind it."""
        pins = context.get("pins")
        if isinstance(pins, dict):
            clean = {key: variant for key, variant in pins.items() if isinstance(variant, str)}
            for unit in {asked, normalise_unit(context.get("unit"))} - {None}:
                self._sightings.inherit(str(unit), clean)

    def make_identity_token(
        self, unit: str | int, *, expires_in: str = "30m", timeout: float = 2.0
    ) -> str | None:
        """Ask the platform for a token that says who somebody is; it carries no other personal data.

        Hand it to the next page, app or agent desktop in a URL or a header. Waits for the network; None
        without an answer.
        """
        body = {"id": normalise_unit(unit), "expires_in": expires_in}
        found = self._sender.ask("/v1/identity-tokens", body, timeout)
        token = None if found is None else found.get("identity_token")
        return token if isinstance(token, str) else None
