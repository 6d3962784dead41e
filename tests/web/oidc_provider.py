"""A small provider of identities, real enough to be wrong in every way that matters."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from flask import Flask, jsonify, request
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server

CLIENT, SECRET = "abplat-client", "its secret"
KEY = RSAKey.generate_key(2048, {"kid": "one"})
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "one"})


class Provider:
    """Gives codes to whoever asks, and tokens for codes; ``claims`` and ``key`` may be bent."""

    def __init__(self, now: int) -> None:
        """Start honest."""
        self.now = now
        self.issuer = ""
        self.named = ""
        self.claims: dict[str, Any] = {}
        self.left_out: set[str] = set()
        self.header: dict[str, Any] = {"alg": "RS256", "kid": "one"}
        self.key: RSAKey = KEY
        self.codes: dict[str, dict[str, str]] = {}
        self.app = Flask("provider")
        self.app.add_url_rule("/.well-known/openid-configuration", view_func=self.describe)
        self.app.add_url_rule("/keys", view_func=self.keys)
        self.app.add_url_rule("/token", view_func=self.token, methods=["POST"])

    def describe(self) -> Any:
        """Say what there is."""
        place = self.issuer
        return jsonify(
            issuer=self.named or place,
            authorization_endpoint=f"{place}/authorize",
            token_endpoint=f"{place}/token",
            jwks_uri=f"{place}/keys",
        )

    def keys(self) -> Any:
        """Hand out the public key."""
        return jsonify(keys=[KEY.as_dict(private=False)])

    def authorize(self, url: str) -> str:
        """Do what the browser would meet here; return the query that it brings back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert (asked["response_type"], asked["client_id"]) == ("code", CLIENT)
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return urlencode({"code": code, "state": asked["state"]})

    def token(self) -> Any:
        """Exchange a code, once, for whoever holds the verifier and the secret."""
        asked = self.codes.pop(request.form["code"], None)
        pair = base64.b64encode(f"{CLIENT}:{SECRET.replace(' ', '+')}".encode()).decode()
        digest = hashlib.sha256(request.form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        is_good = asked and asked["code_challenge"] == challenge and asked["code_challenge_method"] == "S256"
        if not is_good or request.headers.get("Authorization") != f"Basic {pair}":
            return jsonify(error="invalid_grant"), 400
        assert asked
        assert request.form["redirect_uri"] == asked["redirect_uri"]
        return jsonify(id_token=self.make_token(asked["nonce"]), access_token="x", token_type="Bearer")

    def make_token(self, nonce: str) -> str:
        """Make a token as it is told."""
        claims = {
            "iss": self.issuer, "aud": CLIENT, "sub": "subject-1", "nonce": nonce, "iat": self.now,
            "exp": self.now + 300, "email": "ada@example.com", "email_verified": True, "role": "admin", **self.claims,
        }  # fmt: skip
        claims = {name: value for name, value in claims.items() if name not in self.left_out}
        if self.header["alg"] == "none":
            parts = [
                base64.urlsafe_b64encode(str(each).replace("'", '"').replace("True", "true").encode())
                for each in (self.header, claims)
            ]
            return b".".join([*(part.rstrip(b"=") for part in parts), b""]).decode()
        return jwt.encode(self.header, claims, self.key)


@contextmanager
def serving(provider: Provider) -> Iterator[Provider]:
    """Serve in a thread."""
    server = make_server("127.0.0.1", 0, provider.app, threaded=True)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield provider
    server.shutdown()
    server.server_close()
    thread.join(5)
