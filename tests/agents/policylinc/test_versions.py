"""Versions never overlap, and from a change's day on exactly what it says holds: for any changes in any order."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from masterlinc import wire
from masterlinc.ids import new_id
from policylinc.changes.documents import PriceItem
from policylinc.changes.fitting import fit
from policylinc.changes.reading import read_csv, read_file, read_json
from policylinc.changes.sets import PRICES
from policylinc.changes.versions import Held, base_of, compare

FIRST = date(2026, 1, 1)
DAYS = st.integers(0, 30).map(lambda days: FIRST + timedelta(days=days))
KEYS = ("s 1", "s 2", "s 3")
WANTED = st.dictionaries(st.sampled_from(KEYS), st.integers(1, 3), max_size=3)
CHANGES = st.lists(st.tuples(DAYS, DAYS, WANTED), max_size=8)  # on which day somebody says from which day what holds


def item(key: str, amount: int) -> PriceItem:
    return PriceItem(system="s", code=key.partition(" ")[2], amount=Decimal(amount))


def content(one: PriceItem) -> msgspec.Raw:
    return msgspec.Raw(wire.encode(one))


def carried_out(held: list[Held], plan: Any, day: date, today: date) -> list[Held]:
    """Do in memory what the statements do."""
    ends = {one for step in plan.steps for one in step.ends}
    back = {one for step in plan.steps for one in step.withdrawn}
    after = [
        replace(one, effective_to=day - timedelta(days=1))
        if one.id in ends
        else replace(one, withdrawn_on=today)
        if one.id in back
        else one
        for one in held
    ]
    made = [
        Held(new_id(), step.key, step.version, day, None, None, content(step.after))
        for step in plan.steps
        if step.after is not None
    ]
    return [*after, *made]


def on(held: list[Held], day: date) -> dict[str, bytes]:
    """What holds on a day; fails where two versions of one key do."""
    found: dict[str, bytes] = {}
    for one in held:
        lives = one.withdrawn_on is None and one.effective_from <= day
        if lives and (one.effective_to is None or one.effective_to >= day):
            assert one.key not in found, f"two versions of {one.key} hold on {day}"
            found[one.key] = bytes(wire.encode(wire.load(bytes(one.content), PriceItem)))
    return found


@given(CHANGES)
def test_any_changes_in_any_order_leave_one_version_a_day(changes: list[tuple[date, date, dict[str, int]]]) -> None:
    held: list[Held] = []
    for today, day, amounts in changes:
        wanted = {key: item(key, amount) for key, amount in amounts.items()}
        plan = compare(PRICES, held, wanted, day, today)
        if plan.overlaps:
            assert any(day <= one.effective_from <= today for one in held)
            continue
        before = held
        held = carried_out(held, plan, day, today)
        for offset in range(-1, 40):
            asked = FIRST + timedelta(days=offset)
            expected = {key: bytes(wire.encode(one)) for key, one in wanted.items()}
            assert on(held, asked) == (on(before, asked) if asked < day else expected), asked
        numbers = [(one.key, one.version) for one in held]
        assert len(set(numbers)) == len(numbers)
        assert all(one.withdrawn_on is None or one.withdrawn_on < one.effective_from for one in held)
        assert all(one.effective_to is None or one.effective_to >= one.effective_from for one in held)


@given(CHANGES)
def test_what_holds_already_needs_nothing(changes: list[tuple[date, date, dict[str, int]]]) -> None:
    held: list[Held] = []
    for today, day, amounts in changes:
        wanted = {key: item(key, amount) for key, amount in amounts.items()}
        plan = compare(PRICES, held, wanted, day, today)
        if not plan.overlaps:
            held = carried_out(held, plan, day, today)
            again = compare(PRICES, held, wanted, day + timedelta(days=1), today)
            assert (again.steps, again.overlaps) == ((), ())


def test_a_base_is_another_whenever_a_version_is() -> None:
    one = Held(UUID(int=1), "s 1", 1, FIRST, None, None, content(item("s 1", 1)))
    ended, back = replace(one, effective_to=FIRST), replace(one, withdrawn_on=FIRST)
    two = replace(one, id=UUID(int=2))
    bases = {base_of(rows) for rows in ([], [one], [ended], [back], [one, two])}
    assert len(bases) == 5
    assert base_of([one, two]) == base_of([two, one])


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["kind", "effective_from", "classes", "prices", "rules", "benefits", "x"]), inner
        )
    ),
    max_leaves=12,
)


@given(JSON, st.sampled_from(["product", "price_list", "service_rules", "network", "payer"]))
def test_no_tree_of_json_is_read_without_being_said_what_is_wrong(value: Any, kind: str) -> None:
    """Whatever is sent is a document or has faults with words in both languages."""
    tree = value | {"kind": kind} if isinstance(value, dict) else value
    read = read_json(wire.encode(tree))
    assert bool(read.sources) != bool(read.faults) or tree == []
    assert all(one.code and one.detail and one.detail_ar for one in read.faults)


@given(st.binary(max_size=80) | st.text(max_size=80).map(lambda text: text.encode()))
def test_no_bytes_break_the_reading_of_a_sheet(data: bytes) -> None:
    rows, faults = read_csv(data)
    assert rows == [] or faults == []
    for heading in (b"contract,effective_from,system,code,amount\n", b"rule,kind,text,text_ar,effective_from\n"):
        read = read_file("a.csv", heading + data)
        assert all(one.path.startswith("line ") and one.detail_ar for one in read.faults)


@given(st.text(max_size=12))
def test_only_plain_numbers_are_amounts(text: str) -> None:
    faults: list[Any] = []
    found = fit({"system": "s", "code": "1", "amount": text}, PriceItem, "", faults)
    assert (found is None) == bool(faults)
    if found is not None:
        assert text.isascii()
        assert 0 <= found.amount < 10**12
