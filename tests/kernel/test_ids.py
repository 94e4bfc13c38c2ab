import time
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masterlinc.errors import NotFound
from masterlinc.ids import looks_like, lowest_id, new_id, parse, show

KEY = UUID("01939c1e-7c00-7abc-8def-0123456789ab")
SHOWN = show("CLM", KEY)


@given(st.uuids())
def test_a_key_is_read_as_it_is_shown(key):
    assert parse("CLM", show("CLM", key)) == key


@given(st.uuids(), st.uuids())
def test_shown_keys_sort_as_the_keys_do(one, other):
    assert (show("CLM", one) < show("CLM", other)) == (one.int < other.int)


@given(st.uuids())
def test_a_shown_key_has_26_letters_that_are_not_mixed_up(key):
    prefix, _, letters = show("PAT", key).partition("-")
    assert (prefix, len(letters)) == ("PAT", 26)
    assert not set(letters) & set("ILOUilou")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "CLM",
        "CLM-",
        SHOWN.lower(),
        SHOWN.replace("CLM", "clm"),
        SHOWN.replace("CLM", "PAT"),
        SHOWN.replace("CLM-", "CLM_"),
        SHOWN.replace("CLM-", ""),
        SHOWN[:-1],
        SHOWN + "0",
        SHOWN + "\n",
        " " + SHOWN,
        SHOWN[:-1] + "U",
        SHOWN[:-1] + "I",
        SHOWN[:-1] + "-",
        SHOWN[:-1] + "٣",
        SHOWN[:-1] + "\x00",
        "CLM-8" + "0" * 25,  # more than 128 bits
        "CLM-Z" + "Z" * 25,
        str(KEY),
        str(KEY).upper(),
        f"{{{KEY}}}",
        f"CLM-{KEY}",
        "9223372036854775808",
        "-1",
        "0",
        "CLM-" + "0" * 1_000_000,
        "CLM-%00",
        "CLM-../../../etc/passwd",
        "CLM-' OR 1=1--",
    ],
    ids=lambda text: repr(text)[:40],
)
def test_another_prefix_or_shape_is_not_found(text):
    assert not looks_like("CLM", text)
    with pytest.raises(NotFound):
        parse("CLM", text)


@given(st.text(max_size=40))
def test_no_text_makes_anything_but_a_key_or_a_refusal(text):
    try:
        key = parse("CLM", text)
    except NotFound:
        return
    assert show("CLM", key) == text


def test_the_lowest_and_the_highest_key_are_shown_and_read():
    for key in (UUID(int=0), UUID(int=2**128 - 1)):
        assert parse("ORG", show("ORG", key)) == key


def test_new_keys_sort_by_the_order_in_which_they_were_made():
    keys = [new_id() for _ in range(20_000)]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)


def test_a_new_key_is_version_7_of_now():
    before = time.time_ns() // 1_000_000
    key = new_id()
    after = time.time_ns() // 1_000_000
    assert (key.version, key.variant) == (7, uuid4().variant)
    assert before <= key.int >> 80 <= after + 20  # the counter may run a few milliseconds ahead after a burst


def test_the_order_holds_when_the_clock_is_set_back(monkeypatch):
    first = new_id()
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    assert new_id() > first


def test_the_lowest_key_of_a_moment_bounds_those_made_then():
    moment = datetime(2026, 3, 1, 9, 0, 0, 500_000, tzinfo=UTC)
    lowest = lowest_id(moment)
    assert lowest.int >> 80 == int(moment.timestamp() * 1000)
    assert lowest.version == 7
    assert lowest <= UUID(int=lowest.int | 0x3FFF)


async def test_postgresql_bounds_a_moment_alike(new_database):
    import asyncpg

    moment = datetime(2026, 3, 1, 9, 0, 0, 500_000, tzinfo=UTC)
    connection = await asyncpg.connect((await new_database()).owner)
    try:
        assert await connection.fetchval("SELECT masterlinc.lowest_id($1)", moment) == lowest_id(moment)
    finally:
        await connection.close()
