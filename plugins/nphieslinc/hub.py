"""The way to the hub: mutual TLS, a deadline for the session, and a budget of tries for the same bytes."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from masterlinc.backoff import backoff
from masterlinc.context import Context
from nphieslinc.config import Config
from nphieslinc.errors import HubUnreachable

_MAX_ANSWER = 64 * 1024 * 1024  # a poll answer holds up to 100 messages
_HEADERS = {"content-type": "application/fhir+json", "accept": "application/fhir+json"}
_SERVER_FAULT = 500


async def send(ctx: Context, data: bytes) -> bytes:
    """Post a message to the hub and return its raw answer; raises HubUnreachable.

    Only connection faults and 5xx are tried again: whatever else came back is the answer, an error in it included.
    """
    config: Config = ctx.config
    try:
        async with asyncio.timeout(config.deadline_seconds), _client(ctx) as client:
            return await _try(client, config, data)
    except TimeoutError:
        raise _unreachable(f"no answer within {config.deadline_seconds:g} seconds") from None


async def _try(client: httpx.AsyncClient, config: Config, data: bytes) -> bytes:
    reason = ""
    for attempt in range(1, config.attempts + 1):
        try:
            status, body = await _post(client, config, data)
            if status < _SERVER_FAULT:
                return body
            reason = f"HTTP {status}"
        except httpx.TransportError as fault:
            reason = type(fault).__name__
        if attempt < config.attempts:
            await asyncio.sleep(backoff(attempt).total_seconds())
    raise _unreachable(f"{config.attempts} tries, the last one: {reason}")


async def _post(client: httpx.AsyncClient, config: Config, data: bytes) -> tuple[int, bytes]:
    timeout = httpx.Timeout(config.deadline_seconds, connect=10.0)
    async with client.stream("POST", config.hub, content=data, headers=_HEADERS, timeout=timeout) as response:
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > _MAX_ANSWER:
                raise _unreachable("the answer is larger than any message may be")
        return response.status_code, bytes(body)


@asynccontextmanager
async def _client(ctx: Context) -> AsyncIterator[httpx.AsyncClient]:
    config: Config = ctx.config
    if not config.client_certificate:
        yield ctx.http
        return
    context = ssl.create_default_context(cafile=config.authorities or None)
    context.load_cert_chain(config.client_certificate, config.client_key or None)
    async with httpx.AsyncClient(verify=context, trust_env=False, follow_redirects=False) as client:
        yield client


def _unreachable(reason: str) -> HubUnreachable:
    return HubUnreachable(f"NPHIES did not answer: {reason}", f"لم تستجب منصة نفيس: {reason}")
