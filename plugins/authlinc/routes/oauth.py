"""`/api/v1/auth/token` and `/api/v1/auth/clients`: OAuth 2 for machines."""

import base64
import binascii
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import OpenAPIType, Operation, Schema
from litestar.params import FromPath, FromQuery, JSONBody

from authlinc.client_schemas import (
    ClientForm,
    ClientPage,
    ClientView,
    NewClient,
    Refusal,
    ServerMetadata,
    Token,
)
from authlinc.service import clients, grants
from authlinc.service.client_keys import ALGORITHMS
from authlinc.service.clients import PREFIX, Client, ClientTerms
from authlinc.service.grants import TOKEN_PATH, Asked, GrantRefused
from masterlinc import ids
from masterlinc.context import Context
from masterlinc.errors import NotFound
from masterlinc.http import paging
from masterlinc.http.openapi import body_of

_FORM = b"application/x-www-form-urlencoded"
_LONGEST_BODY, _MOST_FIELDS = 16_384, 20
_FIELDS = ("grant_type", "scope", "client_id", "client_secret", "client_assertion_type", "client_assertion")


@dataclass
class _Form(Operation):
    """The operation of the token endpoint, which reads its form itself."""

    def __post_init__(self) -> None:
        text = Schema(type=OpenAPIType.STRING)
        form = Schema(type=OpenAPIType.OBJECT, properties=dict.fromkeys(_FIELDS, text), required=["grant_type"])
        self.request_body = body_of(form, _FORM.decode())


@post(
    "/token",
    opt={"public": "the client proves itself in the request"},
    status_code=200,
    summary="Trade a client's secret or assertion for a token",
    operation_class=_Form,
    responses={
        200: ResponseSpec(Token, description="The token", generate_examples=False),
        400: ResponseSpec(Refusal, description="Why there is none", generate_examples=False),
        401: ResponseSpec(Refusal, description="The client did not prove itself", generate_examples=False),
    },
)
async def token(request: Request[Any, Any, Any], ctx: NamedDependency[Context]) -> Response[Token | Refusal]:
    """Return an access token; the body is a form and refusals are those of RFC 6749."""
    try:
        granted = await grants.grant(ctx, read_form(request.scope["headers"], await request.body()))
    except GrantRefused as fault:
        headers = {"WWW-Authenticate": 'Basic realm="masterlinc"'} if fault.status == 401 else {}  # noqa: PLR2004
        return Response(Refusal(fault.code, fault.description), status_code=fault.status, headers=headers)
    scope = " ".join(granted.scopes)
    return Response(Token(granted.access_token, "Bearer", granted.expires_in, scope), status_code=200)


@get(
    "/.well-known/oauth-authorization-server",
    opt={"public": "what the server does is for everyone"},
    summary="What this authorization server does",
)
async def metadata(ctx: NamedDependency[Context]) -> ServerMetadata:
    """Return the addresses and methods of the token endpoint; 404 where the system's own address is not set."""
    url = ctx.settings.http.public_url
    if not url:
        raise NotFound
    return ServerMetadata(
        issuer=url,
        token_endpoint=url + TOKEN_PATH,
        jwks_uri=url + "/.well-known/jwks.json",
        grant_types_supported=("client_credentials",),
        response_types_supported=(),
        token_endpoint_auth_methods_supported=("client_secret_basic", "client_secret_post", "private_key_jwt"),
        token_endpoint_auth_signing_alg_values_supported=ALGORITHMS,
    )


@post("/clients", opt={"permission": "api_key:manage"}, summary="Make an OAuth 2 client")
async def create(data: JSONBody[ClientForm], ctx: NamedDependency[Context]) -> NewClient:
    """Make a client of the caller's organization; its secret is shown this once."""
    asked = ClientTerms(data.name, data.scopes, data.expires_in_days, data.public_key)
    client, secret = await clients.create(ctx, asked)
    return NewClient(_view(client), secret)


@get("/clients", opt={"permission": "api_key:manage"}, summary="List the OAuth 2 clients")
async def listed(ctx: NamedDependency[Context], page: FromQuery[int] = 1, page_size: FromQuery[int] = 20) -> ClientPage:
    """Return the clients of the caller's organization, without their secrets."""
    wanted = paging.page(page, page_size)
    found, counted = await clients.listed(ctx, wanted.limit, wanted.offset)
    total, exact = paging.capped(counted)
    return ClientPage([_view(client) for client in found], total, page, page_size, exact)


@get("/clients/{client:str}", opt={"permission": "api_key:manage"}, summary="Show an OAuth 2 client")
async def show(client: FromPath[str], ctx: NamedDependency[Context]) -> ClientView:
    """Return a client without its secret."""
    return _view(await clients.load(ctx, ids.parse(PREFIX, client)))


@delete("/clients/{client:str}", opt={"permission": "api_key:manage"}, summary="Revoke an OAuth 2 client")
async def revoke(client: FromPath[str], ctx: NamedDependency[Context]) -> None:
    """Give the client no more tokens, and refuse those that it has."""
    await clients.revoke(ctx, ids.parse(PREFIX, client))


def read_form(headers: list[tuple[bytes, bytes]] | Any, body: bytes) -> Asked:
    """Return what a request to the token endpoint says, each field once; raises GrantRefused."""
    kinds = [value for name, value in headers if name == b"content-type"]
    if len(kinds) != 1 or kinds[0].partition(b";")[0].strip().lower() != _FORM or len(body) > _LONGEST_BODY:
        raise GrantRefused("invalid_request", f"send a form: {_FORM.decode()}, {_LONGEST_BODY} bytes at most")
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, strict_parsing=bool(body), errors="strict",
            max_num_fields=_MOST_FIELDS,
        )  # fmt: skip
    except ValueError:
        raise GrantRefused("invalid_request", "the form cannot be read") from None
    fields = dict(pairs)
    if len(fields) != len(pairs) or any("\0" in text for pair in pairs for text in pair):
        raise GrantRefused("invalid_request", "a field is there twice, or holds what no text holds")
    return Asked(fields, _basic([value for name, value in headers if name == b"authorization"]))


def _basic(sent: list[bytes]) -> tuple[str, str] | None:
    """Read a Basic header: both halves are escaped as in a form (RFC 6749 2.3.1)."""
    if not sent:
        return None
    scheme, _, text = sent[0].partition(b" ")
    try:
        client, colon, secret = base64.b64decode(text.strip(), validate=True).decode("ascii").partition(":")
        halves = unquote_plus(client, errors="strict"), unquote_plus(secret, errors="strict")
    except (ValueError, binascii.Error):
        colon, halves = "", ("", "")
    if len(sent) != 1 or scheme.lower() != b"basic" or not colon:
        raise GrantRefused("invalid_client", "the Authorization header cannot be read", 401)
    return halves


def _view(client: Client) -> ClientView:
    return ClientView(
        client_id=ids.show(PREFIX, client.id),
        name=client.name,
        scopes=client.scopes,
        authentication="private_key_jwt" if client.has_key else "client_secret",
        created_by=ids.show("USR", client.created_by),
        created_at=client.created_at,
        expires_at=client.expires_at,
        revoked_at=client.revoked_at,
    )


HANDLERS = [token, create, listed, show, revoke]
