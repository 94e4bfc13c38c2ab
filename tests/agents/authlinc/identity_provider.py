"""A real OpenID Connect provider: Authlib's server on Flask, over HTTPS on the loopback, with knobs for attacks."""

import secrets
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import trustme
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import grants
from authlib.oauth2.rfc7636 import CodeChallenge
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask, jsonify
from werkzeug.serving import WSGIRequestHandler, make_server

CLIENT, SECRET = "masterlinc-at-the-provider", "0123456789abcdef-the-provider"


@dataclass
class Client:
    """The one client that the provider knows."""

    redirect_uri: str

    def get_client_id(self) -> str:
        return CLIENT

    def get_default_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self.redirect_uri

    def check_client_secret(self, client_secret: str) -> bool:
        return secrets.compare_digest(client_secret, SECRET)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic" and endpoint == "token"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


@dataclass
class Code:
    """An authorization code."""

    code: str
    redirect_uri: str
    scope: str
    nonce: str
    subject: str
    code_challenge: str
    code_challenge_method: str

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope


@dataclass
class IdentityProvider:
    """The provider: who is signed in there, and how its tokens are bent."""

    issuer: str
    client: Client
    subject: str = "user-1"
    codes: dict[str, Code] = field(default_factory=dict)
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    kid: str = "key-1"
    bend: Callable[[dict[str, Any]], dict[str, Any]] = lambda claims: claims
    sign: Callable[[dict[str, Any]], str] | None = None
    key_reads: int = 0
    answers_with_issuer: bool = True
    token_answer: tuple[int, str] | None = None
    key_set: str | None = None

    def id_token(self, code: Code) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": code.subject,
            "aud": CLIENT,
            "nonce": code.nonce,
            "iat": now,
            "exp": now + 300,
            "email": "somebody@clinic.example",
            "email_verified": True,
        }
        claims = self.bend(claims)
        if self.sign is not None:
            return self.sign(claims)
        return jwt.encode(claims, self.key, "RS256", headers={"kid": self.kid})

    def visit(self, url: str, http: httpx.Client) -> dict[str, str]:
        """Do as a browser whose user is signed in there: returns what it comes back with."""
        answer = http.get(url)
        assert answer.status_code == 302, answer.text
        back = urlsplit(answer.headers["location"])
        assert f"{back.scheme}://{back.netloc}{back.path}" == self.client.redirect_uri
        return {name: values[0] for name, values in parse_qs(back.query).items()}


def _server(provider: IdentityProvider) -> Flask:
    app = Flask("identity-provider")
    server = AuthorizationServer(
        app, query_client=lambda name: provider.client if name == CLIENT else None, save_token=lambda *_: None
    )

    class CodeGrant(grants.AuthorizationCodeGrant):
        def save_authorization_code(self, code: str, request: Any) -> None:
            asked = request.payload.data
            provider.codes[code] = Code(
                code,
                asked["redirect_uri"],
                request.payload.scope,
                asked.get("nonce", ""),
                provider.subject,
                asked["code_challenge"],
                asked["code_challenge_method"],
            )

        def query_authorization_code(self, code: str, _: Any) -> Code | None:
            return provider.codes.get(code)

        def delete_authorization_code(self, authorization_code: Code) -> None:
            del provider.codes[authorization_code.code]

        def authenticate_user(self, authorization_code: Code) -> str:
            return authorization_code.subject

    class IdToken:
        def __call__(self, grant: Any) -> None:
            grant.register_hook("after_create_token_response", self.add)

        def add(self, grant: Any, answer: tuple[int, dict[str, Any], Any]) -> None:
            answer[1]["id_token"] = provider.id_token(grant.request.authorization_code)

    server.register_grant(CodeGrant, [CodeChallenge(required=True), IdToken()])
    _add_routes(app, provider, server)
    return app


def _add_routes(app: Flask, provider: IdentityProvider, server: AuthorizationServer) -> None:
    @app.get("/authorize")
    def authorize() -> Any:
        grant = server.get_consent_grant(end_user=provider.subject)
        answer = server.create_authorization_response(grant_user=provider.subject, grant=grant)
        if provider.answers_with_issuer and answer.status_code == 302:
            answer.headers["Location"] += f"&iss={provider.issuer}"
        return answer

    @app.post("/token")
    def token() -> Any:
        return (
            (provider.token_answer[1], provider.token_answer[0])
            if provider.token_answer
            else server.create_token_response()
        )

    @app.get("/jwks")
    def jwks() -> Any:
        provider.key_reads += 1
        if provider.key_set is not None:
            return provider.key_set
        public = jwt.algorithms.RSAAlgorithm.to_jwk(provider.key.public_key(), as_dict=True)
        return jsonify({"keys": [{**public, "kid": provider.kid, "use": "sig", "alg": "RS256"}]})

    @app.get("/.well-known/openid-configuration")
    def metadata() -> Any:
        return jsonify(
            {
                "issuer": provider.issuer,
                "authorization_endpoint": f"{provider.issuer}/authorize",
                "token_endpoint": f"{provider.issuer}/token",
                "jwks_uri": f"{provider.issuer}/jwks",
                "authorization_response_iss_parameter_supported": provider.answers_with_issuer,
            }
        )


class _Quiet(WSGIRequestHandler):
    def log(self, *_: Any, **__: Any) -> None:
        """Say nothing."""


@contextmanager
def serving(authority: trustme.CA, redirect_uri: str) -> Iterator[IdentityProvider]:
    """Serve a provider in a thread while the block runs."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    provider = IdentityProvider("", Client(redirect_uri))
    server = make_server("127.0.0.1", 0, _server(provider), threaded=True, ssl_context=context, request_handler=_Quiet)
    provider.issuer = f"https://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
