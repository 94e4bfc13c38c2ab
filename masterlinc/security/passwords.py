"""Password hashing: Argon2id at OWASP's floor, on two threads at most, with a short queue."""

import asyncio
import os
import sys
import threading
import unicodedata
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from msgspec import Struct

from masterlinc.errors import FieldError, Invalid, Unavailable
from masterlinc.heap import give_back

LONGEST_BYTES = 1024
_THREADS = max(1, min(2, os.cpu_count() or 1))
_WAITING = 8  # more would wait longer than a sign-in may take
_NICE = 10

R = TypeVar("R")


class Verdict(Struct, frozen=True):
    """Whether a password fits, and whether its hash should be made anew."""

    fits: bool
    outdated: bool = False


class Passwords:
    """The password hasher of a process."""

    def __init__(self, *, memory_kib: int = 19 * 1024, passes: int = 2, rest_seconds: float = 10.0) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)
        self._threads = ThreadPoolExecutor(_THREADS, "password", initializer=_be_nice)
        self._room = asyncio.Semaphore(_THREADS)
        self._present = 0
        self._rest_seconds = rest_seconds
        self._rest: asyncio.TimerHandle | None = None
        self._decoy = self._hasher.hash("the password of nobody")

    @asynccontextmanager
    async def admitted(self) -> AsyncIterator[None]:
        """Wait for one of the few places in which a password is checked; raises Unavailable when the queue is full.

        What surrounds the check belongs inside too, so that no more attempts are counted at once than are checked.
        """
        if self._present >= _THREADS + _WAITING:
            raise Unavailable(
                "too many people sign in at this moment",
                "عدد محاولات الدخول كبير في هذه اللحظة",
                headers={"Retry-After": "1"},
            )
        self._present += 1
        try:
            async with self._room:
                yield
        finally:
            self._present -= 1

    async def hash(self, password: str) -> str:
        """Return a new hash; raises Invalid for a password that is too long."""
        plain = normalize(password)
        return await self._on_thread(lambda: self._hasher.hash(plain))

    async def check(self, stored: str | None, password: str) -> Verdict:
        """Compare a password with its hash; where there is none, take the same time and say no."""
        plain = normalize(password)
        return await self._on_thread(lambda: self._compare(stored, plain))

    def close(self) -> None:
        """End the threads."""
        if self._rest is not None:
            self._rest.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _compare(self, stored: str | None, plain: str) -> Verdict:
        try:
            self._hasher.verify(self._decoy if stored is None else stored, plain)
        except (VerificationError, InvalidHashError):
            return Verdict(fits=False)
        if stored is None:
            return Verdict(fits=False)
        return Verdict(fits=True, outdated=self._hasher.check_needs_rehash(stored))

    async def _on_thread(self, work: Callable[[], R]) -> R:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, work)
        finally:
            if self._rest is not None:
                self._rest.cancel()
            self._rest = loop.call_later(self._rest_seconds, self._at_rest)

    def _at_rest(self) -> None:
        with suppress(RuntimeError):  # closed meanwhile
            self._threads.submit(give_back)  # a third of a hash's time while busy, 20 MB a thread while not


def normalize(password: str) -> str:
    """Return the form that is hashed, the same for every keyboard; raises Invalid for a password that is too long."""
    try:
        too_long = len(password) > LONGEST_BYTES or len(password.encode()) > LONGEST_BYTES
    except UnicodeEncodeError:
        too_long = True  # a lone surrogate is no text
    if too_long:
        detail = f"a password has at most {LONGEST_BYTES} bytes"
        detail_ar = f"أقصى طول لكلمة المرور {LONGEST_BYTES} بايت"
        raise Invalid(errors=[FieldError("password", "too-long", detail, detail_ar)])
    return unicodedata.normalize("NFKC", password)


def _be_nice() -> None:
    """Let request handling go first, where threads have a priority of their own."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
