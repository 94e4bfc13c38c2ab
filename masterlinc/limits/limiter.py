"""Takes from limits: out of permits in memory, which are fetched from Redis in bunches while it can be believed.

Redis is believed once it has counted for a whole window: after it was flushed, restarted or away, its counts lack uses.
Until then each process grants a share of the limit, and keeps in mind what it knows.
"""

import asyncio
import logging
from collections.abc import Callable
from hashlib import blake2b
from uuid import UUID

from masterlinc.clock import Clock
from masterlinc.limits.bucket import Bucket
from masterlinc.limits.policy import SLOTS, Policy, Taken
from masterlinc.limits.shared import PREFIX, Ask, Shared
from masterlinc.secrets import Secret
from masterlinc.settings import LimitSettings

_Name = tuple[str, str | UUID]
_log = logging.getLogger(__name__)
_AWAY = 1_000  # milliseconds until Redis is tried again


class Limits:
    """The limits of a process."""

    def __init__(
        self, settings: LimitSettings, clock: Clock, *, redis: Secret | None = None, secret: Callable[[], bytes] = bytes
    ) -> None:
        self._clock = clock
        self._percent = settings.local_percent
        self._most = settings.subjects
        self._secret = secret  # the keys in Redis are made with: asked for when first needed
        self._buckets: dict[_Name, Bucket] = {}
        self._shared = Shared(redis, settings.redis_milliseconds) if redis else None
        self._away_until = 0
        self._lost_at = 0  # when Redis last did not answer
        self._asking: list[Bucket] = []
        self._back: list[Ask] = []
        self._round: asyncio.Task[None] | None = None
        self._next: asyncio.Future[None]  # answers those that are asked for next

    def __len__(self) -> int:
        return len(self._buckets)

    async def take(self, policy: Policy, subject: str | UUID) -> Taken:
        """Use one permit of a subject, where one is left."""
        name = (policy.name, subject)
        while True:
            now = self._now()
            bucket = self._bucket(policy, name, now * SLOTS // (policy.seconds * 1000))
            if bucket.permits > 0:
                bucket.permits -= 1
                return bucket.answer(now, allowed=True)
            if now < bucket.dry:
                return bucket.answer(now, allowed=False)
            if self._shared is None or now < self._away_until:
                bucket.grant(self._own(policy), policy.limit, now, shared=False)
            else:
                await self._ask(bucket, subject)

    async def close(self) -> None:
        """End the round that is on its way, and let Redis go."""
        if self._round is not None:
            await self._round
        if self._shared is not None:
            await self._shared.close()

    def _now(self) -> int:
        return int(self._clock.now().timestamp() * 1000)

    def _own(self, policy: Policy) -> int:
        """Return what this process grants by itself."""
        return max(1, policy.limit * self._percent // 100)

    def _bucket(self, policy: Policy, name: _Name, slot: int) -> Bucket:
        """Return a subject's bucket in its slot; those that were used last stand last."""
        bucket = self._buckets.get(name)
        if bucket is None or (bucket.policy is not policy and bucket.policy != policy):
            self._make_room()
            bucket = self._buckets[name] = Bucket(policy, slot)
        elif bucket.slot != slot:
            back = bucket.roll(slot)
            if back is not None:
                self._back.append(Ask(bucket.key, back[0], -back[1], policy.seconds))
            self._buckets[name] = self._buckets.pop(name)
        return bucket

    def _make_room(self) -> None:
        """Forget who was idle longest; Redis, where there is one, does not."""
        while len(self._buckets) >= self._most:
            del self._buckets[next(iter(self._buckets))]

    async def _ask(self, bucket: Bucket, subject: str | UUID) -> None:
        """Wait for the question that holds this bucket: one asks for all that came during the last."""
        if not bucket.key:
            digest = blake2b(str(subject).encode("utf-8", "replace"), key=self._secret(), digest_size=16)
            bucket.key = f"{PREFIX}{bucket.policy.name}:{digest.hexdigest()}"
        if bucket.asked is None:
            if not self._asking:
                self._next = asyncio.get_running_loop().create_future()
            bucket.asked = self._next
            self._asking.append(bucket)
        if self._round is None or self._round.done():
            self._round = asyncio.create_task(self._ask_all(), name="limits")
        bucket.waiting += 1
        try:
            await asyncio.shield(bucket.asked)
        finally:
            bucket.waiting -= 1

    async def _ask_all(self) -> None:
        while self._asking or self._back:  # what was asked for too much goes back at once
            buckets, self._asking, answered = self._asking, [], self._next
            try:
                await self._ask_for(buckets)
            finally:
                for bucket in buckets:
                    bucket.asked = None
                if not answered.done():
                    answered.set_result(None)

    async def _ask_for(self, buckets: list[Bucket]) -> None:
        assert self._shared is not None
        asks = [Ask(one.key, one.slot, one.wanted(), one.policy.seconds) for one in buckets]
        backs, self._back = self._back, []
        now = self._now()
        try:
            since, totals = await self._shared.take(asks, backs, now)
        except Exception as fault:  # noqa: BLE001 - whatever stands in the way, this process's own limits hold
            self._lose(now, fault)
            return
        for bucket, ask, seen in zip(buckets, asks, totals, strict=True):
            self._read(bucket, ask, seen, since)

    def _read(self, bucket: Bucket, ask: Ask, totals: list[int], since: int) -> None:
        """Grant what a subject may have by Redis's counts, and give the rest back."""
        totals[-1] = max(0, totals[-1] - ask.permits)
        now = self._now()
        granted = 0
        if bucket.slot == ask.slot:
            believed = now - max(since, self._lost_at) >= bucket.policy.seconds * 1000
            bucket.seen = totals if believed else [max(pair) for pair in zip(bucket.seen, totals, strict=True)]
            limit = bucket.policy.limit if believed else self._own(bucket.policy)
            granted = bucket.grant(limit, ask.permits, now, shared=True)
        if granted < ask.permits:
            self._back.append(Ask(ask.key, ask.slot, granted - ask.permits, ask.seconds))

    def _lose(self, now: int, fault: BaseException) -> None:
        if now >= self._lost_at + 2 * _AWAY:  # once an outage, not once a try
            _log.warning("limits are counted without Redis: %s", type(fault).__name__)
        self._lost_at, self._away_until = now, now + _AWAY
