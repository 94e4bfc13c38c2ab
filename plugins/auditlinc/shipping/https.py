"""JSON over HTTPS: a batch is taken when the receiver answers 2xx."""

import json
import ssl
from collections.abc import Sequence
from hashlib import sha256

import httpx

from auditlinc.config import Siem
from auditlinc.shipping.messages import Message


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
            answer = await self._client.post(self._siem.url, content=body, headers=headers)
        except httpx.HTTPError as fault:
            raise OSError(type(fault).__name__) from fault
        if not answer.is_success:
            raise OSError(f"the receiver answered {answer.status_code}")

    async def close(self) -> None:
        """Let connections go."""
        await self._client.aclose()


def _key(messages: Sequence[Message]) -> str:
    names = [str(message.body.get("event_id") or message.body.get("seal")) for message in messages]
    return sha256("/".join(names).encode()).hexdigest()
