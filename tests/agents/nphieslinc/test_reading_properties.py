"""Whatever is done to a message: it is read, or refused with a DomainError; nothing else ever comes out."""

import json
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from nphies_messages import REQUESTS, raw

from masterlinc.errors import DomainError
from nphieslinc.envelope import open_envelope
from nphieslinc.fhir import parse, write
from nphieslinc.reading import read_submission
from nphieslinc.rules import check

_TREES = [json.loads(raw(name)) for name in REQUESTS]
_quick = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])

_junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
    | st.sampled_from(
        ["Claim/1", "2026-13-45", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "١٢٣", "http://x/Claim"]
    ),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["coding", "value", "url", "code", "reference"]), inner, max_size=2)
    ),
    max_leaves=4,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, held in inner for found in places(held, (*path, key)))]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    tree = json.loads(json.dumps(draw(st.sampled_from(_TREES))))
    for _ in range(draw(st.integers(1, 4))):
        found = [path for path in places(tree) if path]
        if not found:
            break
        *above, last = draw(st.sampled_from(found))
        holder = tree
        for key in above:
            holder = holder[key]
        if draw(st.booleans()):
            del holder[last]
        else:
            holder[last] = draw(_junk)
    return json.dumps(tree).encode()


def read(data: bytes) -> None:
    try:
        envelope = open_envelope(parse(data))
        check(envelope)
        submission = read_submission(envelope)
    except DomainError as fault:
        assert fault.detail  # noqa: PT017 - every other exception must come out
        assert fault.detail_ar  # noqa: PT017
        return
    assert all(line.net >= 0 for line in submission.lines)
    write(envelope.message.tree)


@_quick
@given(mutated())
def test_a_changed_message_is_read_or_refused(data: bytes) -> None:
    read(data)


@_quick
@given(st.data())
def test_a_cut_message_is_refused(data: st.DataObject) -> None:
    whole = raw(data.draw(st.sampled_from(REQUESTS)))
    read(whole[: data.draw(st.integers(0, len(whole) - 2))])


@_quick
@given(st.binary(max_size=200))
@example(b'{"resourceType":"Bundle","type":"message","entry":[{"resource":{"resourceType":"MessageHeader"}}]}')
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    read(data)
