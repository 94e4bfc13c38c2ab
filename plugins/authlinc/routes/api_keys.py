"""`/api/v1/auth/api-keys`: the keys of an organization's machines."""

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from authlinc.key_schemas import KeyForm, KeyPage, KeyView, NewKey
from authlinc.service import api_keys
from authlinc.service.api_keys import PREFIX, Key
from masterlinc import ids
from masterlinc.context import Context
from masterlinc.http import paging


@post("/api-keys", opt={"permission": "api_key:manage"}, summary="Make an API key")
async def create(data: JSONBody[KeyForm], ctx: NamedDependency[Context]) -> NewKey:
    """Make a key of the caller's organization; its secret is shown this once."""
    key, secret = await api_keys.create(ctx, data.name, data.scopes, data.expires_in_days)
    return NewKey(_view(key), secret)


@get("/api-keys", opt={"permission": "api_key:manage"}, summary="List the API keys")
async def listed(ctx: NamedDependency[Context], page: FromQuery[int] = 1, page_size: FromQuery[int] = 20) -> KeyPage:
    """Return the keys of the caller's organization, without their secrets."""
    wanted = paging.page(page, page_size)
    keys, counted = await api_keys.listed(ctx, wanted.limit, wanted.offset)
    total, exact = paging.capped(counted)
    return KeyPage([_view(key) for key in keys], total, page, page_size, exact)


@get("/api-keys/{key:str}", opt={"permission": "api_key:manage"}, summary="Show an API key")
async def show(key: FromPath[str], ctx: NamedDependency[Context]) -> KeyView:
    """Return a key without its secret."""
    return _view(await api_keys.load(ctx, ids.parse(PREFIX, key)))


@post("/api-keys/{key:str}/rotate", opt={"permission": "api_key:manage"}, status_code=200, summary="Rotate an API key")
async def rotate(key: FromPath[str], ctx: NamedDependency[Context]) -> NewKey:
    """Return a new secret, this once; the old one works on for a while."""
    rotated, secret = await api_keys.rotate(ctx, ids.parse(PREFIX, key))
    return NewKey(_view(rotated), secret)


@delete("/api-keys/{key:str}", opt={"permission": "api_key:manage"}, summary="Revoke an API key")
async def revoke(key: FromPath[str], ctx: NamedDependency[Context]) -> None:
    """Refuse the key from now on."""
    await api_keys.revoke(ctx, ids.parse(PREFIX, key))


def _view(key: Key) -> KeyView:
    return KeyView(
        key_id=ids.show(PREFIX, key.id),
        name=key.name,
        scopes=key.scopes,
        created_by=ids.show("USR", key.created_by),
        created_at=key.created_at,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
        last_used_at=key.last_used_at,
    )


HANDLERS = [create, listed, show, rotate, revoke]
