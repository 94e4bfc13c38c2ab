"""What this process knows of one subject under one policy.

A window is counted in slots. A use counts until its whole slot has left the window, so no window of that length,
wherever it begins, ever holds more than the limit. Permits are granted for the slot that they were asked in, and lapse
with it.
"""

import asyncio

from masterlinc.limits.policy import SLOTS, Policy, Taken

KEPT = SLOTS + 1  # the running slot is only partly in the window, and so is the oldest
_REST = 250  # milliseconds that a subject at its limit costs no question


class Bucket:
    """The uses that are known by slot, the oldest first, and the permits left of those granted."""

    __slots__ = (
        "asked",
        "dry",
        "free",
        "key",
        "left",
        "permits",
        "policy",
        "seen",
        "shared",
        "slot",
        "step",
        "waiting",
    )

    def __init__(self, policy: Policy, slot: int) -> None:
        self.policy = policy
        self.key = ""  # under which Redis counts it; made when first needed
        self.slot = slot
        self.seen = [0] * KEPT
        self.permits = 0  # granted for this slot, and not used
        self.left = policy.limit  # not granted to anybody, as far as is known
        self.step = 1  # how many permits to ask for next
        self.waiting = 0  # requests that wait for an answer of Redis
        self.free = 0  # when the oldest use has left the window
        self.dry = 0  # until when it is not asked again
        self.shared = False  # whether Redis knows of the permits
        self.asked: asyncio.Future[None] | None = None  # done when Redis has answered

    def roll(self, slot: int) -> tuple[int, int] | None:
        """Come to another slot; returns the slot and the permits that Redis is to have back."""
        passed = slot - self.slot
        back = self._lapse()
        if passed < 0:  # the clock was set back: what is known counts as if it were now
            self.seen = [0] * SLOTS + [sum(self.seen)]
        elif passed < KEPT:
            self.seen = self.seen[passed:] + [0] * passed
        else:
            self.seen, back = [0] * KEPT, None
        self.slot = slot
        self.step = max(1, self.step // 2)
        self.dry = 0
        return back

    def _lapse(self) -> tuple[int, int] | None:
        unused, self.permits = self.permits, 0
        if not unused:
            return None
        self.seen[-1] -= unused
        return (self.slot, unused) if self.shared else None

    def wanted(self) -> int:
        """Return how many permits to ask Redis for: more for a busy subject, few of the last ones."""
        return max(1, min(max(self.step, self.waiting), self.left // 4))

    def grant(self, limit: int, most: int, now: int, *, shared: bool) -> int:
        """Grant this slot up to `most` permits within `limit`; returns how many."""
        free = max(0, limit - sum(self.seen))
        granted = min(free, most)
        self.seen[-1] += granted
        self.permits += granted
        self.left = free - granted
        self.free = self._free()
        self.shared = shared
        if granted == 0:
            self.dry = now + _REST
        self.step = min(self.step * 2, max(1, self.policy.limit // 20))
        return granted

    def answer(self, now: int, *, allowed: bool) -> Taken:
        """Say how the subject stands."""
        seconds = max(1, (self.free - now + 999) // 1000)
        return Taken(self.policy, allowed, self.permits + self.left if allowed else 0, seconds)

    def _free(self) -> int:
        """Return the millisecond at which the oldest use has left the window."""
        oldest = next((place for place, uses in enumerate(self.seen) if uses > 0), KEPT - 1)
        return (self.slot + 1 + oldest) * self.policy.seconds * 1000 // SLOTS
