"""A platform made of a real HTTP server, whose answers a test can choose."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

Answer = tuple[int, dict[str, str], bytes]


def make_config(version: str = "1", **fields: Any) -> dict[str, Any]:
    """Describe a configuration of one experiment."""
    variants = [{"key": "control", "bound": 5_000, "payloads": {}}, {"key": "treatment", "bound": 10_000}]
    base = {"key": "e", "salt": "9f2c1a07", "hash_version": 1, "unit_type": "cust", "state": "running"}
    rest = {"layer": None, "holdouts": [], "included": 10_000, "control": "control", "targeting": None}
    experiment = {**base, **rest, "variants": variants, "overrides": {}, **fields}
    return {"schema_version": 1, "version": version, "project": "shop", "experiments": [experiment]}


class FakePlatform:
    """Answers as the platform does, until a test says otherwise."""

    def __init__(self) -> None:
        self.config = make_config()
        self.stored: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.pins: dict[str, str] = {}
        self.answers: dict[str, Callable[[], Answer | None]] = {}
        self.server: ThreadingHTTPServer | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """The address, the same after a restart."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen; at the port used before, if any."""
        platform = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                self.answer()

            def do_POST(self) -> None:
                self.answer()

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                is_listening = self.server is platform.server
                reply = platform.respond(self.command, self.path, headers, body) if is_listening else None
                if reply is None:  # hang up in the middle
                    self.close_connection = True
                    return
                self.send_response(reply[0])
                for name, value in {"Content-Length": str(len(reply[2])), **reply[1]}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply[2])
                self.close_connection = "Content-Length" in reply[1]

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_: Any) -> None:
                """Say nothing: clients that leave are part of the tests."""

        self.server = Server(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Stop listening."""
        server, self.server = self.server, None
        if server is not None:
            server.shutdown()
            server.server_close()

    def respond(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer | None:
        """Answer one request."""
        self.requests.append((method, path, headers, body))
        chosen = self.answers.get(path)
        if chosen is not None:
            return chosen()
        if path == "/sdk/v1/config":
            return self.send_config(headers)
        known = self.know(path, body)
        return (
            self.store(json.loads(body)["events"]) if known is None else (200, {}, json.dumps(known).encode())
        )

    def know(self, path: str, body: bytes) -> dict[str, Any] | None:
        """Answer what is asked about customers; None for other paths."""
        if path == "/v1/identify":
            return {"pins": self.pins}
        if path == "/v1/identify/batch":
            results = [{"status": 200, "pins": self.pins} for _ in json.loads(body)["identifications"]]
            return {"results": results}
        if path == "/v1/identity-tokens":
            return {"identity_token": "abi1.AAFrSdIAY3VzdDo3.AAAAAAAAAAAAAAAAAAAAAA"}
        return {"unit": "cust:1", "pins": self.pins} if path == "/v1/context" else None

    def send_config(self, headers: dict[str, str]) -> Answer:
        """Answer with the configuration, or that it has not changed."""
        tag = f'"{self.config["version"]}"'
        if headers.get("if-none-match") == tag:
            return 304, {"ETag": tag}, b""
        return 200, {"ETag": tag}, json.dumps(self.config).encode()

    def store(self, events: list[dict[str, Any]]) -> Answer:
        """Keep events by id, and refuse those named ``bad``."""
        good = [event for event in events if event.get("name") != "bad"]
        fresh = [event for event in good if event["id"] not in self.stored]
        self.stored.update({event["id"]: event for event in good})
        refused = [
            {"index": index, "code": "bad_name", "message": "name: no"}
            for index, event in enumerate(events)
            if event not in good
        ]
        answer = {"accepted": len(fresh), "duplicates": len(good) - len(fresh), "refused": refused}
        return 202, {}, json.dumps(answer).encode()

    def count(self, path: str) -> int:
        """Count the requests to a path."""
        return sum(found == path for _, found, _, _ in self.requests)


@pytest.fixture
def platform() -> Iterator[FakePlatform]:
    """A platform that listens."""
    fake = FakePlatform()
    fake.start()
    yield fake
    fake.stop()
