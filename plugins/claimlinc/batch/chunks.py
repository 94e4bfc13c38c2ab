"""Which submissions may be decided side by side: of no two the same claim or the same person, and in their order."""

from collections.abc import Hashable, Iterable, Iterator
from typing import NamedTuple

from claimlinc.contract import DecideSubmission

_LOOK_AHEAD = 4  # chunks: how far others may go before a person's second claim


class _Waiting(NamedTuple):
    request: DecideSubmission
    keys: set[Hashable]


def chunks(requests: Iterable[DecideSubmission], size: int) -> Iterator[list[DecideSubmission]]:
    """Cut requests into chunks; claims that share a person come one after the other, in the order that they came in."""
    source, waiting = (_Waiting(one, keys_of(one)) for one in requests), list[_Waiting]()
    ended = False
    while True:
        while not ended and len(waiting) < size * _LOOK_AHEAD:
            one = next(source, None)
            if one is None:
                ended = True
            else:
                waiting.append(one)
        if not waiting:
            return
        chunk, waiting = _first(waiting, size)
        yield chunk


def keys_of(request: DecideSubmission) -> set[Hashable]:
    """Return what tells a claim and its person apart: a number, or any identifier, names one of them."""
    submission = request.submission
    keys: set[Hashable] = {("claim", submission.identifier.system, submission.identifier.value)}
    if submission.cover.member_id:
        keys.add(("member", submission.cover.member_id))
    keys |= {("claim", one.identifier.system, one.identifier.value) for one in submission.related}
    keys |= {("person", one.system, one.value) for one in submission.subject.identifiers}
    return keys


def _first(waiting: list[_Waiting], size: int) -> tuple[list[DecideSubmission], list[_Waiting]]:
    """Take the first requests that share nothing with one another, nor with one that has to wait before them."""
    chunk: list[DecideSubmission] = []
    left: list[_Waiting] = []
    taken: set[Hashable] = set()
    for place, one in enumerate(waiting):
        if len(chunk) == size or (chunk and chunk[-1].submission.related):
            return chunk, left + waiting[place:]
        # One that builds on another claim may change that one, so it stands in a chunk of its own.
        if taken.isdisjoint(one.keys) and not (chunk and one.request.submission.related):
            chunk.append(one.request)
        else:
            left.append(one)
        taken |= one.keys
    return chunk, left
