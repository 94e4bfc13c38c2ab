"""What an enrolment file would do to what is known, and everything that speaks against it; nothing is read or written.

A line that says what is so already changes nothing: the same file twice is one effect. What was enrolled is compared as
it was enrolled, so that a later change or end does not make the first file a contradiction.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from uuid import UUID

from masterlinc.ids import new_id
from policylinc.contract import PersonIdentifier
from policylinc.roster.known import CoverState, Known, PolicyState
from policylinc.roster.rows import IDENTIFIERS, Action, Details, Faults, Row, fault

_FIELDS = {system: name for name, system in IDENTIFIERS.items()}
_DAY = timedelta(days=1)


@dataclass(slots=True)
class Plan:
    """A file's effect; it is to be carried out only without faults."""

    known: Known
    today: date
    faults: Faults = field(default_factory=list)
    added: list[CoverState] = field(default_factory=list)
    changed: list[tuple[CoverState, date, Details]] = field(default_factory=list)
    ended: dict[UUID, tuple[CoverState, date]] = field(default_factory=dict)  # with the last day as it was
    identifiers: list[tuple[CoverState, PersonIdentifier, bytes]] = field(default_factory=list)
    unchanged: int = 0
    counted: dict[str, int] = field(default_factory=lambda: {"added": 0, "changed": 0, "ended": 0})
    seen: set[tuple[object, ...]] = field(default_factory=set)


def plan(rows: Iterable[Row], known: Known, today: date) -> Plan:
    """Plan the lines of a file in their order; those of dependants after those of whom they may depend on."""
    made = Plan(known, today)
    rows = list(rows)
    dependants = {row.member_number for row in rows if row.sponsor_number}
    for row in sorted(rows, key=lambda one: one.member_number in dependants):
        before = len(made.faults)
        _born(made, row)
        done = _ACTIONS[row.action](made, row)
        if len(made.faults) > before:
            continue
        if done:
            made.counted[done] += 1
        else:
            made.unchanged += 1
    return made


def _add(made: Plan, row: Row) -> str | None:
    policy = _policy(made, row)
    if policy is None:
        return None
    first = row.effective_from or max(policy.effective_date, row.birth_date or policy.effective_date)
    last = row.effective_to or policy.expiry_date
    covers = made.known.covers.get(row.member_number, [])
    same = next((one for one in covers if (one.policy_id, one.effective_from) == (policy.id, first)), None)
    details = _details(made, row, same.first if same else covers[-1].details_on(first) if covers else None, first)
    if details is None:
        return None
    if same is not None:
        return _again(made, row, same, (details, last))
    _within(made, row, policy, (first, last))
    _same_person(made, row, covers)
    return "added" if _enrol(made, row, policy, (first, last), details) else None


def _again(made: Plan, row: Row, same: CoverState, given: tuple[Details, date]) -> str | None:
    """Enrol who is enrolled: nothing new but identifiers; an end that came since stays."""
    details, last = given
    for name in Details.__struct_fields__:
        if getattr(details, name) != getattr(same.first, name):
            named = "sponsor_number" if name == "sponsor_id" else name
            made.faults.append(fault(row.line, named, "differs", _DIFFERS))
    if last < same.effective_to:
        made.faults.append(fault(row.line, "effective_to", "differs", _DIFFERS))
    return "changed" if _identify(made, row, same) else None


def _change(made: Plan, row: Row) -> str | None:
    day = row.effective_from
    assert day is not None, "the reader asks for it"
    cover = _cover_on(made, row, "effective_from", day)
    if cover is None or _twice(made, row, (row.member_number, day)):
        return None
    details = _details(made, row, cover.details_on(day), day)
    policy = _policy(made, row) if row.policy_number else None
    if details is None or (row.policy_number and policy is None):
        return None
    if policy is not None and policy.id != cover.policy_id:
        return _move(made, row, cover, (policy, day, details))
    identified = _identify(made, row, cover)
    if details == cover.details_on(day):
        return "changed" if identified else None
    cover.changes.append((day, details))
    cover.changes.sort(key=lambda change: change[0])
    made.changed.append((cover, day, details))
    return "changed"


def _move(made: Plan, row: Row, cover: CoverState, to: tuple[PolicyState, date, Details]) -> str | None:
    """End a cover on the day before and go on under another policy with the same number."""
    policy, day, details = to
    if day == cover.effective_from:
        made.faults.append(fault(row.line, "effective_from", "first-day", _FIRST_DAY))
        return None
    _within(made, row, policy, (day, policy.expiry_date))
    last = cover.effective_to
    _end_on(made, cover, day - _DAY)
    if _enrol(made, row, policy, (day, policy.expiry_date), details):
        return "changed"
    cover.effective_to = last
    return None


def _end(made: Plan, row: Row) -> str | None:
    last = row.effective_to
    assert last is not None, "the reader asks for it"
    cover = _cover_on(made, row, "effective_to", last)
    if cover is None or _twice(made, row, (cover.id, "end")):
        return None
    if row.policy_number and (policy := _policy(made, row)) and policy.id != cover.policy_id:
        made.faults.append(fault(row.line, "policy_number", "differs", _OTHER_POLICY))
    if cover.effective_to == last:
        return None
    _end_on(made, cover, last)
    return "ended"


_ACTIONS = {Action.ADD: _add, Action.CHANGE: _change, Action.END: _end}


def _enrol(made: Plan, row: Row, policy: PolicyState, days: tuple[date, date], details: Details) -> bool:
    covers = made.known.covers.setdefault(row.member_number, [])
    if any(one.overlaps(*days) for one in covers):
        made.faults.append(fault(row.line, "member_number", "overlap", _OVERLAP))
        return False
    member_id = new_id()
    person = covers[0].person_id if covers else member_id
    cover = CoverState(member_id, person, policy.id, row.member_number, *days, details, is_new=True)
    covers.append(cover)
    covers.sort(key=lambda one: one.effective_from)
    made.known.numbers[person] = row.member_number
    made.added.append(cover)
    _identify(made, row, cover)
    return True


def _end_on(made: Plan, cover: CoverState, last: date) -> None:
    if not cover.is_new:
        made.ended.setdefault(cover.id, (cover, cover.effective_to))
    cover.effective_to = last


def _identify(made: Plan, row: Row, cover: CoverState) -> bool:
    """Add the identifiers that the person does not carry; say whether there was one."""
    new = False
    for identifier, blind in zip(row.identifiers, row.blinds, strict=True):
        carriers = made.known.carriers.setdefault(blind, set())
        if cover.person_id in carriers:
            continue
        if any(one.overlaps(cover.effective_from, cover.effective_to) for one in _covers_of(made, carriers)):
            made.faults.append(fault(row.line, _FIELDS[identifier.system], "taken", _TAKEN))
            continue
        carriers.add(cover.person_id)
        made.identifiers.append((cover, identifier, blind))
        new = True
    return new


def _covers_of(made: Plan, persons: Iterable[UUID]) -> Iterator[CoverState]:
    for person in persons:
        yield from made.known.covers.get(made.known.numbers[person], ())


def _details(made: Plan, row: Row, base: Details | None, day: date) -> Details | None:
    """Return what a line says, and what was known where it says nothing; None with a fault."""
    before = len(made.faults)
    relationship = row.relationship or (base.relationship if base else None) or "self"
    sponsor = None if relationship == "self" else base.sponsor_id if base else None
    if row.sponsor_number and relationship == "self":
        made.faults.append(fault(row.line, "relationship", "missing", _NO_RELATIONSHIP))
    elif row.sponsor_number:
        sponsor = _sponsor(made, row, day)
    elif relationship != "self" and sponsor is None and (row.relationship or base is None):
        made.faults.append(fault(row.line, "sponsor_number", "missing", _NO_SPONSOR))
    if len(made.faults) > before:
        return None
    return Details(
        row.name or (base.name if base else ""),
        row.birth_date or (base.birth_date if base else None),
        row.gender or (base.gender if base else None),
        relationship if row.relationship or base is None or base.relationship else None,
        sponsor,
    )


def _sponsor(made: Plan, row: Row, day: date) -> UUID | None:
    covers = made.known.covers.get(row.sponsor_number or "", [])
    if row.sponsor_number == row.member_number or not covers:
        made.faults.append(fault(row.line, "sponsor_number", "unknown", _UNKNOWN_SPONSOR))
        return None
    if covers[-1].details_on(day).sponsor_id is not None:
        made.faults.append(fault(row.line, "sponsor_number", "dependant", _DEPENDANT_SPONSOR))
        return None
    return covers[0].person_id


def _policy(made: Plan, row: Row) -> PolicyState | None:
    found = made.known.policies.get(row.policy_number or "")
    if found is None:
        made.faults.append(fault(row.line, "policy_number", "unknown", _UNKNOWN_POLICY))
    return found


def _cover_on(made: Plan, row: Row, name: str, day: date) -> CoverState | None:
    found = next((one for one in made.known.covers.get(row.member_number, []) if one.holds(day)), None)
    if found is None:
        made.faults.append(fault(row.line, name, "no-cover", _NO_COVER))
    return found


def _twice(made: Plan, row: Row, what: tuple[object, ...]) -> bool:
    if what in made.seen:
        made.faults.append(fault(row.line, "member_number", "double", _DOUBLE))
        return True
    made.seen.add(what)
    return False


def _within(made: Plan, row: Row, policy: PolicyState, days: tuple[date, date]) -> None:
    first, last = days
    if not policy.effective_date <= first <= policy.expiry_date:
        made.faults.append(fault(row.line, "effective_from", "range", _OUTSIDE))
    if not first <= last <= policy.expiry_date:
        made.faults.append(fault(row.line, "effective_to", "range", _OUTSIDE))
    if row.birth_date is not None and row.birth_date > first:
        made.faults.append(fault(row.line, "effective_from", "order", _UNBORN))


def _born(made: Plan, row: Row) -> None:
    if row.birth_date is not None and row.birth_date > made.today:
        made.faults.append(fault(row.line, "birth_date", "range", _FUTURE))


def _same_person(made: Plan, row: Row, covers: list[CoverState]) -> None:
    known = covers[-1].details_on(covers[-1].effective_to).birth_date if covers else None
    if known is not None and row.birth_date is not None and row.birth_date != known:
        made.faults.append(fault(row.line, "birth_date", "differs", _OTHER_PERSON))


_DIFFERS = (
    "This cover is there already with another value: send a change or an end",
    "هذه التغطية مسجلة بقيمة أخرى: أرسل سطر تعديل أو إنهاء",
)
_OVERLAP = (
    "This number is covered on some of these days: end that cover first",
    "هذا الرقم مغطى في بعض هذه الأيام: أنهِ تلك التغطية أولاً",
)
_OTHER_PERSON = (
    "This number belongs to somebody who was born on another day",
    "هذا الرقم لشخص آخر تاريخ ميلاده مختلف",
)
_TAKEN = (
    "Another member who is covered on these days carries this identifier",
    "هذا المعرف مسجل لمستفيد آخر مغطى في هذه الأيام",
)
_FIRST_DAY = (
    "The cover begins on this day: a member goes to another policy on a later one",
    "تبدأ التغطية في هذا اليوم: النقل إلى وثيقة أخرى يكون في يوم لاحق",
)
_OTHER_POLICY = ("The member is covered by another policy on this day", "المستفيد مغطى بوثيقة أخرى في هذا اليوم")
_UNKNOWN_POLICY = ("The payer has no policy of this number", "لا توجد لدى الجهة الدافعة وثيقة بهذا الرقم")
_UNKNOWN_SPONSOR = ("No other member has this number", "لا يوجد مستفيد آخر بهذا الرقم")
_DEPENDANT_SPONSOR = ("The sponsor is a dependant", "العضو الرئيسي تابع لغيره")
_NO_SPONSOR = ("A dependant names whose: the sponsor's member number", "حدد رقم العضو الرئيسي الذي يتبعه المستفيد")
_NO_RELATIONSHIP = ("Say what the member is to the sponsor", "حدد صلة المستفيد بالعضو الرئيسي")
_NO_COVER = ("The member has no cover on this day", "لا تغطية للمستفيد في هذا اليوم")
_DOUBLE = (
    "Another line of the file is on the same day or cover of this member",
    "سطر آخر في الملف لليوم نفسه أو التغطية نفسها لهذا المستفيد",
)
_OUTSIDE = ("The days lie outside of the policy's", "الأيام خارج مدة الوثيقة")
_UNBORN = ("The cover begins before the member was born", "تبدأ التغطية قبل ميلاد المستفيد")
_FUTURE = ("The day of birth is still to come", "تاريخ الميلاد في المستقبل")
