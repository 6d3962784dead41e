"""Webhooks and mails: written with what they tell of, signed, sent by the worker, tried again, logged."""

from __future__ import annotations

import asyncio
import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import msgspec
import pytest
from sqlalchemy.orm import Session

from abplat.config import Settings
from abplat.db.models.webhooks import Delivery
from abplat.domain.notices import sign
from abplat.errors import InvalidInputError, NotAllowedError, UnavailableError
from abplat.facts.lake import Lake
from abplat.jobs.context import JobContext
from abplat.jobs.notify import run
from abplat.services import catalogue, notices, outbound, people, reports, webhooks
from abplat.services.platform import Platform
from tests.conftest import NOW, FakeClock
from tests.web import report_factory as factory
from tests.web.definitions import make_definitions


class Receiver(BaseHTTPRequestHandler):
    """Keeps what comes and answers as it is told."""

    got: list[tuple[dict[str, str], bytes]] = []  # noqa: RUF012  # each server has its own class
    status = 200

    def do_POST(self) -> None:
        """Take a message."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append((dict(self.headers), body))
        self.send_response(self.status)
        if self.status == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[int]:
    """Serve in a thread; yield the port."""
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield int(server.server_address[1])  # type: ignore[index, arg-type]
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture(name="receiver")
def _receiver() -> Iterator[tuple[type[Receiver], str]]:
    """Return a receiver and its address."""
    kind = type("Own", (Receiver,), {"got": []})
    with serving(HTTPServer(("127.0.0.1", 0), kind)) as port:
        yield kind, f"http://127.0.0.1:{port}/hook"


def make_context(platform: Platform, clock: FakeClock, **settings: Any) -> JobContext:
    """Return the surroundings of a worker that may reach this machine."""
    chosen = replace(platform.settings, outbound_allowed="127.0.0.1,localhost", **settings)
    return JobContext(chosen, clock, platform.engine, Lake(platform.settings.lake_dir))


def work(platform: Platform, context: JobContext) -> None:
    """Do the job once, as the worker does."""
    outcome = run(context, {})
    if outcome.publish:
        with platform.writers.begin() as session:
            outcome.publish(session)


def make_shop(platform: Platform, url: str, *events: str) -> str:
    """Make the shop with a webhook; return its secret."""
    with platform.writers.begin() as session:
        catalogue.apply(session, make_definitions("trap"), now=NOW)
        document = {"url": url} | ({"events": list(events)} if events else {})
        return str(webhooks.create(session, "shop", document, now=NOW)["secret"])


def read_log(platform: Platform) -> list[dict[str, Any]]:
    """Return what was sent, the latest first."""
    with platform.sessions() as session:
        return webhooks.list_deliveries(session, "shop")


def test_a_message_is_signed_and_logged(
    platform: Platform, clock: FakeClock, receiver: tuple[type[Receiver], str]
) -> None:
    """Whoever holds the secret can tell that it is ours, and when it was sent."""
    kind, url = receiver
    secret = make_shop(platform, url)
    with platform.writers.begin() as session:
        webhooks.try_out(session, "shop", 1, now=NOW)
    work(platform, make_context(platform, clock))
    ((headers, body),) = kind.got
    (entry,) = read_log(platform)

    assert headers["Abplat-Signature"] == sign(secret, int(headers["Abplat-Timestamp"]), body)
    assert json.loads(body)["id"] == headers["Abplat-Id"]
    assert (entry["state"], entry["tries"], entry["status"]) == ("sent", 1, 200)
    work(platform, make_context(platform, clock))
    assert len(kind.got) == 1


@pytest.mark.parametrize("status", [500, 302, 404])
def test_what_is_not_taken_is_sent_again_later_each_time(
    platform: Platform, clock: FakeClock, receiver: tuple[type[Receiver], str], status: int
) -> None:
    """Under the same id; a redirect is not followed; in the end it is given up."""
    kind, url = receiver
    kind.status = status
    make_shop(platform, url)
    with platform.writers.begin() as session:
        webhooks.try_out(session, "shop", 1, now=NOW)
    context = make_context(platform, clock)
    for _ in range(9):
        work(platform, context)
        work(platform, context)
        clock.advance(hours=7)
    (entry,) = read_log(platform)

    assert (entry["state"], entry["tries"], entry["status"]) == ("failed", webhooks.MAX_TRIES, status)
    assert len({headers["Abplat-Id"] for headers, _ in kind.got}) == 1
    assert len(kind.got) == webhooks.MAX_TRIES


def test_nobody_hears_of_what_did_not_come_to_be(platform: Platform) -> None:
    """A message is part of the transaction of what it tells of."""
    make_shop(platform, "https://hooks.example/a")
    with platform.writers() as session:
        notices.tell(session, "shop", notices.COMMENT, "trap", {}, now=NOW)
        session.rollback()

    assert read_log(platform) == []


def test_a_webhook_gets_the_events_it_asked_for(platform: Platform) -> None:
    """And those of its own project alone."""
    make_shop(platform, "https://hooks.example/a", "verdict")
    with platform.writers.begin() as session:
        n_wanted = notices.tell(session, "shop", notices.VERDICT, "trap", {}, now=NOW)
        n_other = notices.tell(session, "shop", notices.COMMENT, "trap", {}, now=NOW)
        n_elsewhere = notices.tell(session, "other", notices.VERDICT, "trap", {}, now=NOW)

    assert (n_wanted, n_other, n_elsewhere) == (1, 0, 0)


def test_a_report_tells_what_is_new_in_it(platform: Platform) -> None:
    """Verdict, split and guardrail once each, and not again while they stay."""
    make_shop(platform, "https://hooks.example/a")
    trap, blocked = factory.make_trap(), factory.make_blocked()
    blocked = msgspec.structs.replace(blocked, experiment=trap.experiment)
    with platform.writers.begin() as session:
        reports.store(session, trap, now=NOW)
        first = _count(session)
        again = msgspec.structs.replace(trap, inputs=msgspec.structs.replace(trap.inputs, n_events=7))
        reports.store(session, again, now=NOW)
        second = _count(session)
        reports.store(session, blocked, now=NOW)
        third = _count(session)

    assert first["verdict"] == 1
    assert second == first
    assert third["sample_ratio"] == 1


def _count(session: Session) -> dict[str, int]:
    """Count the messages by event."""
    found: dict[str, int] = {}
    for each in session.query(Delivery):
        found[each.event] = found.get(each.event, 0) + 1
    return found


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/", "https://localhost/", "https://169.254.169.254/latest/meta-data", "https://[::1]/",
        "https://10.0.0.8/", "https://[::ffff:192.168.0.1]/", "https://0.0.0.0/", "https://[64:ff9b::7f00:1]/",
        "https://2130706433/", "https://0x7f.1/", "https://224.0.0.1/", "http://93.184.215.14/", "https://[fe80::1]/",
    ],
)  # fmt: skip
def test_nothing_is_sent_into_the_own_network(url: str) -> None:
    """In whatever way the address is written (H11)."""
    with pytest.raises((NotAllowedError, UnavailableError)):
        outbound.request("POST", url, body=b"{}")


def test_a_name_that_changes_its_mind_gains_nothing(
    receiver: tuple[type[Receiver], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is resolved once, and the connection goes to the address that was checked."""
    _, url = receiver
    port = int(url.rsplit(":", 1)[1].split("/")[0])
    asked: list[str] = []

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        address = "93.184.215.14" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    target = outbound.resolve(f"https://rebind.example:{port}/")

    assert (target.address, asked) == ("93.184.215.14", ["rebind.example"])
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in ("93.184.215.14", "10.0.0.1")
    ])  # fmt: skip
    with pytest.raises(NotAllowedError, match="open network"):
        outbound.resolve(f"https://both.example:{port}/")


def test_an_answer_of_one_byte_a_second_is_none() -> None:
    """The whole request has a deadline, not only each read."""

    class Drip(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            """Answer slower than anybody waits."""
            stop = threading.Event()
            try:
                for _ in range(200):
                    self.request.sendall(b"H")
                    stop.wait(0.05)
            except OSError:
                return

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Drip)
    server.daemon_threads = True
    with serving(server) as port, pytest.raises(UnavailableError):
        outbound.request("GET", f"http://127.0.0.1:{port}/", allowed="127.0.0.1", timeout_s=0.3)


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "https://", "https://a:b@c/", "https://x\r\ny/", "https://[/", 7]
)
def test_odd_addresses_are_refused_at_once(url: Any, platform: Platform) -> None:
    """Beside their field."""
    with pytest.raises(InvalidInputError) as refused:
        make_shop(platform, url)

    assert refused.value.problems[0].path == "url"


class Smtp(asyncio.Protocol):
    """As much of a mail server as a mail needs."""

    mails: list[str] = []  # noqa: RUF012  # one server in this file

    def connection_made(self, transport: Any) -> None:
        """Greet."""
        self.transport, self.lines, self.in_data = transport, b"", False
        transport.write(b"220 here\r\n")

    def data_received(self, data: bytes) -> None:
        """Answer line by line."""
        self.lines += data
        if self.in_data:
            if self.lines.endswith(b"\r\n.\r\n"):
                self.mails.append(self.lines.decode())
                self.lines, self.in_data = b"", False
                self.transport.write(b"250 kept\r\n")
            return
        while b"\r\n" in self.lines:
            line, _, self.lines = self.lines.partition(b"\r\n")
            self.in_data = line.upper() == b"DATA"
            answer = b"221 bye" if line.upper() == b"QUIT" else b"354 go on" if self.in_data else b"250 fine"
            self.transport.write(answer + b"\r\n")


@pytest.fixture(name="mail_port")
def _mail_port() -> Iterator[int]:
    """Return the port of a mail server."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(Smtp, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield server.sockets[0].getsockname()[1]
    loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


def test_alarms_go_by_mail_to_whoever_asks(platform: Platform, clock: FakeClock, mail_port: int) -> None:
    """As plain text; what a name holds cannot become a header."""
    make_shop(platform, "https://hooks.example/a", "comment")
    with platform.writers.begin() as session:
        for name in ("ada", "bob"):
            people.invite(
                session, "shop", {"email": f"{name}@x.example", "role": "viewer"}, now=NOW, by_admin=True
            )
        people.set_mails(session, "shop", 1, wanted=True)
        data = {"said": "Better\r\nBcc: evil@x.example"}
        notices.tell(session, "shop", notices.VERDICT, "trap", data, now=NOW)
    Smtp.mails.clear()
    url = f"smtp://127.0.0.1:{mail_port}"
    work(platform, make_context(platform, clock, smtp_url=url, mail_from="abplat@x.example"))
    (mail,) = Smtp.mails
    head, _, body = mail.partition("\r\n\r\n")
    (entry,) = read_log(platform)

    assert "To: ada@x.example" in head
    assert "Bcc" not in head
    assert "Better" in body
    assert (entry["state"], entry["email"]) == ("sent", "ada@x.example")


def test_without_a_mail_server_the_log_says_so(
    platform: Platform, clock: FakeClock, settings: Settings
) -> None:
    """And the message waits for one."""
    make_shop(platform, "https://hooks.example/a", "comment")
    with platform.writers.begin() as session:
        people.invite(session, "shop", {"email": "ada@x.example", "role": "viewer"}, now=NOW, by_admin=True)
        people.set_mails(session, "shop", 1, wanted=True)
        notices.tell(session, "shop", notices.VERDICT, "trap", {}, now=NOW)
    work(platform, make_context(platform, clock))
    (entry,) = read_log(platform)

    assert (entry["state"], entry["tries"]) == ("waiting", 1)
    assert "ABPLAT_SMTP_URL" in entry["detail"]
