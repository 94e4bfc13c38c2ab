"""JSON over HTTPS: a batch is taken when the receiver answers 2xx."""

import asyncio
import json
import ssl
from collections.abc import Sequence
from hashlib import sha256

import httpx

from auditlinc.config import Siem
from auditlinc.shipping.messages import Message

_MOST_READ = 65_536


class Https:
    """A client for one URL: no redirects, no proxies of the environment, a deadline for all of a call."""

    def __init__(self, siem: Siem, context: ssl.SSLContext) -> None:
        self._siem = siem
        self._client = httpx.AsyncClient(
            verify=context,
            timeout=siem.deadline_seconds,
            follow_redirects=False,
            trust_env=False,
        )

    async def send(self, messages: Sequence[Message]) -> None:
        """Send a batch; raises OSError where it was not taken. The same rows have the same Idempotency-Key."""
        body = json.dumps({"events": [message.body for message in messages]}, separators=(",", ":")).encode()
        headers = {"content-type": "application/json", "idempotency-key": _key(messages)}
        if self._siem.authorization:
            headers["authorization"] = self._siem.authorization.reveal()
        try:
            async with asyncio.timeout(self._siem.deadline_seconds):  # httpx counts from each byte anew
                status = await self._status(body, headers)
        except httpx.HTTPError as fault:
            raise OSError(type(fault).__name__) from fault
        if not httpx.codes.is_success(status):
            raise OSError(f"the receiver answered {status}")

    async def _status(self, body: bytes, headers: dict[str, str]) -> int:
        """Post, and return the answer's status; of its words no more is read than lets the connection serve again."""
        left = _MOST_READ
        async with self._client.stream("POST", self._siem.url, content=body, headers=headers) as answer:
            async for part in answer.aiter_raw():
                left -= len(part)
                if left < 0:
                    break
        return answer.status_code

    async def close(self) -> None:
        """Let connections go."""
        await self._client.aclose()


def _key(messages: Sequence[Message]) -> str:
    names = [str(message.body.get("event_id") or message.body.get("seal")) for message in messages]
    return sha256("/".join(names).encode()).hexdigest()
