"""What a person may rule about a line; every fault is named with its path."""

from collections.abc import Iterator, Mapping, Sequence

from claimlinc.adjudication.denials import DENIALS
from claimlinc.adjudication.facts import LineRuling
from claimlinc.adjudication.review import asked
from claimlinc.contract import Decision, Line, LineDecision, Outcome
from claimlinc.errors import RulingInvalid
from claimlinc.review_schemas import RulingForm
from claimlinc.service.checking import fault
from masterlinc.errors import FieldError
from masterlinc.money import ZERO

_OUTCOMES = {"approve": Outcome.APPROVED, "partial": Outcome.PARTIAL, "reject": Outcome.REJECTED}
_LONGEST = 1000
_REVIEW = "review"


def read_rulings(forms: Sequence[RulingForm], lines: Sequence[Line]) -> tuple[LineRuling, ...]:
    """Read rulings on the lines of a submission; raises RulingInvalid with every fault."""
    billed = {line.sequence: line for line in lines}
    faults, seen = [], set()
    if not forms:
        faults.append(fault("lines", "missing", "Rule on at least one line", "يجب البت في بند واحد على الأقل"))
    for place, form in enumerate(forms):
        path = f"lines[{place}]"
        line = billed.get(form.sequence)
        if line is None:
            faults.append(_fault(path, "sequence", "The claim has no such line", "لا يوجد بند بهذا الرقم"))
        elif form.sequence in seen:
            faults.append(_fault(path, "sequence", "The line is ruled on twice", "ورد البند أكثر من مرة"))
        else:
            faults += _faults(path, form, line)
        seen.add(form.sequence)
    if faults:
        raise RulingInvalid(errors=faults)
    return tuple(_ruling(form) for form in forms)


def check_outcome(forms: Sequence[RulingForm], decision: Decision) -> None:
    """Raise RulingInvalid where cover or price do not let a ruling stand, or where a line still waits for one."""
    places = {form.sequence: place for place, form in enumerate(forms)}
    faults = []
    for line in decision.lines:
        place = places.get(line.sequence)
        if line.outcome is Outcome.PENDED:
            words = f"Line {line.sequence} waits for a ruling", f"البند {line.sequence} بانتظار قرار"
            faults.append(fault("lines", "missing", *words))
        elif place is not None:
            faults += _not_as_ruled(f"lines[{place}]", forms[place], line)
    if faults:
        raise RulingInvalid(errors=faults)


def _faults(path: str, form: RulingForm, line: Line) -> Iterator[FieldError]:
    if form.decision == "approve":
        yield from _of_approval(path, form)
    else:
        yield from _of_denial(path, form)
    if form.decision != "reject":
        yield from _of_quantity(path, form, line)
    if form.override:
        yield from _both_languages(path, "override_reason", form.override_reason, form.override_reason_ar)


def _of_approval(path: str, form: RulingForm) -> Iterator[FieldError]:
    if form.amount is not None:
        words = "An amount makes it partial", "تحديد المبلغ يجعل القرار جزئياً"
        yield _fault(path, "amount", *words)
    if form.denial_code is not None:
        yield _fault(path, "denial_code", "What is approved has no denial", "الموافقة لا تحمل رمز رفض")


def _of_denial(path: str, form: RulingForm) -> Iterator[FieldError]:
    if form.denial_code not in DENIALS:
        words = "A denial code of NPHIES is wanted, as MN-1-1", "المطلوب رمز رفض من نفيس مثل MN-1-1"
        yield _fault(path, "denial_code", *words)
    yield from _both_languages(path, "reason", form.reason, form.reason_ar)
    if form.decision == "partial" and form.amount is None and form.quantity is None:
        yield _fault(path, "amount", "An amount or a quantity is wanted", "المطلوب مبلغ أو كمية")
    if form.decision == "partial" and form.amount == ZERO:
        yield _fault(path, "amount", "Nothing allowed is a rejection", "عدم السماح بأي مبلغ يعني الرفض")


def _of_quantity(path: str, form: RulingForm, line: Line) -> Iterator[FieldError]:
    quantity = form.quantity
    if quantity is None and not line.quantity:
        yield _fault(path, "quantity", "The line bills none: say how many", "لا كمية في البند: يجب تحديدها")
        return
    if quantity is not None and not quantity:
        yield _fault(path, "quantity", "More than 0 is wanted", "المطلوب أكثر من صفر")
        return
    if quantity is not None and line.quantity and (quantity > line.quantity or form.decision == "approve"):
        words = f"The line bills {line.quantity}", f"كمية البند {line.quantity}"
        yield _fault(path, "quantity", *words)
        return
    most = asked(line, quantity)
    if not most and line.net:
        yield _fault(path, "decision", "There is nothing to pay before tax", "لا يوجد ما يُدفع قبل الضريبة")
    elif form.amount is not None and form.amount > most:
        words = f"No more than SAR {most} is asked before tax", f"المطلوب قبل الضريبة لا يتجاوز {most} ريال"
        yield _fault(path, "amount", *words)


def _both_languages(path: str, name: str, english: str, arabic: str) -> Iterator[FieldError]:
    words = f"From 1 to {_LONGEST} letters are wanted", f"المطلوب من 1 إلى {_LONGEST} حرف"
    for field, text in ((name, english), (f"{name}_ar", arabic)):
        if not 0 < len(text.strip()) <= len(text) <= _LONGEST:
            yield _fault(path, field, *words)


def _not_as_ruled(path: str, form: RulingForm, line: LineDecision) -> Iterator[FieldError]:
    if line.outcome is Outcome.REJECTED and form.decision != "reject" and not _ruled(line):
        yield _fault(
            path, "decision", f"The cover does not let it: {line.reason}", f"التغطية لا تسمح: {line.reason_ar}"
        )
    elif form.amount is not None and line.allowed < form.amount:
        words = f"The contract allows SAR {line.allowed}", f"العقد يسمح بمبلغ {line.allowed} ريال"
        yield _fault(path, "amount", *words)


def _ruled(line: LineDecision) -> Mapping[str, str] | None:
    """Return what the ruling's step was based on; None where the line did not come so far."""
    return next((step.inputs for step in line.trace if step.rule == _REVIEW), None)


def _ruling(form: RulingForm) -> LineRuling:
    return LineRuling(
        sequence=form.sequence,
        outcome=_OUTCOMES[form.decision],
        amount=form.amount,
        quantity=form.quantity,
        denial_code=form.denial_code,
        reason=form.reason.strip(),
        reason_ar=form.reason_ar.strip(),
        override=form.override,
        override_reason=form.override_reason.strip(),
        override_reason_ar=form.override_reason_ar.strip(),
    )


def _fault(path: str, name: str, detail: str, detail_ar: str) -> FieldError:
    return fault(f"{path}.{name}", "ruling", detail, detail_ar)
