"""Bank lines: read from JSON or CSV, every fault of them listed, taken whole or not at all, and once."""

import csv
import io
from collections.abc import Iterator
from datetime import date
from typing import NamedTuple
from uuid import UUID

from claimlinc import remittance_queries
from claimlinc.remittance_schemas import BankFile, BankLineForm, Imported
from claimlinc.service import matching
from claimlinc.service.checking import FIRST_DAY, LAST_DAY
from claimlinc.service.forms import Faults
from masterlinc import ids
from masterlinc.clock import today
from masterlinc.context import Context
from masterlinc.db.transaction import Transaction
from masterlinc.errors import Invalid
from masterlinc.money import ZERO, Money

_COLUMNS = ("transaction_id", "booked_on", "amount", "reference", "sender")
_NEEDED = frozenset(_COLUMNS[:3])
_MOST_LINES = 5_000
_MOST_FAULTS = 200


class Line(NamedTuple):
    """A bank line that is sound."""

    transaction_id: str
    booked_on: date
    amount: Money
    reference: str
    sender: str


async def bring_in(ctx: Context, file: BankFile) -> Imported:
    """Add the lines that are not known and match what belongs together; raises Invalid with every fault."""
    faults = Faults()
    lines = _read(file, faults, today(ctx.clock))
    provider = ctx.principal.organization_id
    async with ctx.transaction() as tx:
        await matching.wait_for_turn(tx, provider)
        await _compare(tx, lines, faults, provider)
        if faults:
            raise Invalid(errors=faults[:_MOST_FAULTS])
        now, by = ctx.clock.now(), ctx.principal.user_id
        rows = [(provider, ids.new_id(), *line, now, by) for line in lines.values()]
        added = await remittance_queries.add_bank_lines(tx, rows)
        matched = await matching.match_all(ctx, tx)
        counts = {"added": str(added), "known": str(len(rows) - added), "matched": str(matched)}
        number = ids.show("ORG", provider)
        tx.audit("bank.import", "bank_line", number, organization_id=provider, detail=counts)
    return Imported(added, len(rows) - added, matched)


def _read(file: BankFile, faults: Faults, day: date) -> dict[str, Line]:
    """Return the lines by their place in the file."""
    if (file.lines is None) == (file.csv is None):
        faults.add("lines", "either", "Send either lines or csv", "أرسل إما lines أو csv")
        return {}
    forms = list(_of_csv(file.csv, faults) if file.csv is not None else _of_json(file.lines or ()))
    if not 0 < len(forms) <= _MOST_LINES and not faults:
        words = f"1 to {_MOST_LINES} lines are expected", f"المتوقع من 1 إلى {_MOST_LINES} حركة"
        faults.add("lines", "length", *words)
        return {}
    found, numbers = {}, set()
    for path, form in forms:
        line = _checked(path, form, faults, day)
        if line is None:
            continue
        if line.transaction_id in numbers:
            words = "This number stands twice in the file", "هذا الرقم مكرر في الملف"
            faults.add(f"{path}.transaction_id", "twice", *words)
        numbers.add(line.transaction_id)
        found[path] = line
    return found


def _of_json(lines: tuple[BankLineForm, ...]) -> Iterator[tuple[str, BankLineForm]]:
    for place, form in enumerate(lines):
        yield f"lines[{place}]", form


def _of_csv(text: str, faults: Faults) -> Iterator[tuple[str, BankLineForm]]:
    """Read a CSV whose first line names the columns; a path counts the lines as an editor does."""
    reader = csv.reader(io.StringIO(text.lstrip("\ufeff")), strict=True)
    try:
        head = [name.strip().lower() for name in next(reader, [])]
        wrong = {*head} - {*_COLUMNS} or _NEEDED - {*head}
        if wrong or len({*head}) != len(head):
            known = ", ".join(_COLUMNS)
            faults.add("csv[1]", "columns", f"The columns are {known}", f"الأعمدة المطلوبة: {known}")
            return
        for cells in reader:
            path = f"csv[{reader.line_num}]"
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(head):
                wanted, there = len(head), len(cells)
                words = f"{wanted} cells are expected, not {there}", f"المتوقع {wanted} خانات وليس {there}"
                faults.add(path, "cells", *words)
                continue
            yield path, BankLineForm(**dict(zip(head, cells, strict=True)))
    except csv.Error:
        faults.add(f"csv[{reader.line_num}]", "csv", "This is no CSV", "هذا ليس ملف CSV صحيحاً")


def _checked(path: str, form: BankLineForm, faults: Faults, day: date) -> Line | None:
    before = len(faults)
    number = faults.code(f"{path}.transaction_id", form.transaction_id, most=100)
    booked = faults.day(f"{path}.booked_on", form.booked_on)
    if booked is None and len(faults) == before:
        faults.required(f"{path}.booked_on")
    if booked is not None and not FIRST_DAY <= booked <= min(day, LAST_DAY):
        words = "A day to come is not booked yet", "لا يمكن أن يكون التاريخ في المستقبل"
        faults.add(f"{path}.booked_on", "future", *words)
    amount = _amount(f"{path}.amount", form.amount, faults)
    reference = faults.text(f"{path}.reference", form.reference.strip() or None, most=500) or ""
    sender = faults.text(f"{path}.sender", form.sender.strip() or None, most=200) or ""
    if len(faults) > before or number is None or booked is None or amount is None:
        return None
    return Line(number, booked, amount, reference, sender)


def _amount(path: str, value: object, faults: Faults) -> Money | None:
    """Read what came in; a debit is no payment of a payer's."""
    try:
        amount = Money.parse(value.strip() if isinstance(value, str) else value)
    except ValueError:
        amount = ZERO
    if amount <= 0:
        words = "An amount in SAR above 0 with two places is expected", "المتوقع مبلغ بالريال أكبر من صفر بمنزلتين"
        faults.add(path, "amount", *words)
        return None
    return amount


async def _compare(tx: Transaction, lines: dict[str, Line], faults: Faults, provider: UUID) -> None:
    """Note which lines are known with other content: the bank's number tells one movement."""
    numbers = [line.transaction_id for line in lines.values()]
    known = await remittance_queries.known_bank_lines(tx, provider, numbers)
    for path, line in lines.items():
        row = known.get(line.transaction_id)
        if row is not None and (row["booked_on"], row["amount"], row["reference"], row["sender"]) != line[1:]:
            words = "This number came before with other content", "ورد هذا الرقم سابقاً بمحتوى مختلف"
            faults.add(f"{path}.transaction_id", "differs", *words)
