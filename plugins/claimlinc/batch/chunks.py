"""Which submissions may be decided side by side: of no two the same claim or the same person, and in their order."""

from collections.abc import Hashable, Iterable, Iterator

from claimlinc.contract import DecideSubmission

_LOOK_AHEAD = 4  # chunks: how far others may go before a person's second claim


def chunks(requests: Iterable[DecideSubmission], size: int) -> Iterator[list[DecideSubmission]]:
    """Cut requests into chunks; claims that share a person come one after the other, in the order that they came in."""
    source, waiting = iter(requests), list[DecideSubmission]()
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


def _first(waiting: list[DecideSubmission], size: int) -> tuple[list[DecideSubmission], list[DecideSubmission]]:
    """Take the first requests that share nothing with one another, nor with one that has to wait before them."""
    chunk: list[DecideSubmission] = []
    left: list[DecideSubmission] = []
    taken: set[Hashable] = set()
    for one in waiting:
        keys = keys_of(one)
        if len(chunk) < (1 if _alone(chunk, one) else size) and taken.isdisjoint(keys):
            chunk.append(one)
        else:
            left.append(one)
        taken |= keys
    return chunk, left


def _alone(chunk: list[DecideSubmission], one: DecideSubmission) -> bool:
    """Say whether one of them builds on another claim: it may change that one, so it stands in a chunk of its own."""
    return bool(one.submission.related) or any(other.submission.related for other in chunk)


def keys_of(request: DecideSubmission) -> set[Hashable]:
    """Return what tells a claim and its person apart: a number, or any identifier, names one of them."""
    submission = request.submission
    keys: set[Hashable] = {("claim", submission.identifier.system, submission.identifier.value)}
    if submission.cover.member_id:
        keys.add(("member", submission.cover.member_id))
    keys |= {("claim", one.identifier.system, one.identifier.value) for one in submission.related}
    keys |= {("person", one.system, one.value) for one in submission.subject.identifiers}
    return keys
