"""A keyed claim, checked: every fault at once, with its path; then the submission that it stands for."""

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any, Protocol

from claimlinc.contract import (
    Attachment,
    CareTeamMember,
    ClaimType,
    Coding,
    Diagnosis,
    Identifier,
    Line,
    SupportingInfo,
)
from claimlinc.schemas import ClaimForm, LineForm, PatientForm
from claimlinc.service.checking import FIRST_DAY, LAST_DAY, fault, is_sequence
from masterlinc import identity
from masterlinc.clock import RIYADH
from masterlinc.errors import FieldError
from masterlinc.money import ZERO, Money, Quantity, money
from masterlinc.text import clean, clean_identifier

MRN = "urn:masterlinc:patient-number"  # the provider's own number of a patient
_SYSTEMS = {
    "national_id": identity.NATIONAL_ID,
    "iqama": identity.IQAMA,
    "passport": identity.PASSPORT,
    "border_number": identity.BORDER_NUMBER,
    "displaced_person": identity.DISPLACED_PERSON,
    "mrn": MRN,
}
_PRINCIPAL = "principal"
_DAY = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII)


class Faults(list[FieldError]):
    """The faults found so far."""

    def add(self, path: str, code: str, detail: str, detail_ar: str) -> None:
        """Note a fault."""
        self.append(fault(path, code, detail, detail_ar))

    def required(self, path: str) -> None:
        """Note that a field is missing."""
        self.add(path, "missing", "This field is required", "هذا الحقل مطلوب")

    def text(self, path: str, value: str | None, *, most: int = 200, lines: bool = False) -> str | None:
        """Return a clean text; notes what is wrong with it."""
        return self._checked(path, value, lambda text: clean(text, least=1, most=most, lines=lines), most)

    def code(self, path: str, value: str | None, *, most: int = 64) -> str | None:
        """Return a clean code or number; notes what is wrong with it."""
        return self._checked(path, value, lambda text: clean_identifier(text, most=most), most)

    def day(self, path: str, value: str | None) -> date | None:
        """Return the day of an ISO date or time; notes what is neither."""
        if value is None or not value.strip():
            return None
        try:
            day = _read_day(value.strip())
        except (ValueError, OverflowError):  # the first and the last days of the calendar have no time in Riyadh
            day = None
        if day is None or not FIRST_DAY <= day <= LAST_DAY:
            self.add(
                path,
                "date",
                "A date such as 2026-01-31 or a time such as 2026-01-31T12:00:00+03:00 is expected",
                "المتوقع تاريخ مثل 2026-01-31 أو وقت مثل 2026-01-31T12:00:00+03:00",
            )
            return None
        return day

    def _checked(self, path: str, value: str | None, check: Callable[[str], str], most: int) -> str | None:
        if value is None:
            return None
        try:
            return check(value)
        except ValueError:
            self.add(
                path,
                "text",
                f"A text of 1 to {most} characters without control characters is expected",
                f"المتوقع نص من 1 إلى {most} حرفاً دون رموز تحكم",
            )
            return None


def _read_day(text: str) -> date | None:
    """Return the day of a date or time, in Riyadh where the time names its zone."""
    if not _DAY.fullmatch(text):
        return None
    moment = datetime.fromisoformat(text)
    return moment.astimezone(RIYADH).date() if moment.tzinfo else moment.date()


def claim_type(form: ClaimForm, faults: Faults) -> ClaimType:
    """Return the claim's type; the short form bills a professional service."""
    if form.type and form.claim_type and form.type is not form.claim_type:
        faults.add("claim_type", "conflict", "It differs from `type`", "تختلف القيمة عن الحقل type")
    found = form.type or form.claim_type
    if found is None and form.lines is not None:
        faults.required("claim_type")
    return found or ClaimType.PROFESSIONAL


def lines(form: ClaimForm, faults: Faults) -> tuple[Line, ...]:
    """Return the claim's lines: those of the full form, or the one of the short form."""
    if form.lines is None:
        return _short_line(form, faults)
    for name in ("service_code", "amount"):
        if getattr(form, name) is not None:
            faults.add(
                name, "conflict", "It belongs to the short form; `lines` says it", "هذا الحقل للصيغة المختصرة فقط"
            )
    built = tuple(_line(one, place, form, faults) for place, one in enumerate(form.lines))
    _unique(built, "lines", faults)
    total = sum((line.net for line in built), ZERO + ZERO)
    if form.total is not None and form.total != total:
        faults.add(
            "total",
            "total",
            f"The lines sum to {total}, not {form.total}",
            f"مجموع البنود {total} وليس {form.total}",
        )
    return built


def diagnoses(form: ClaimForm, faults: Faults) -> tuple[Diagnosis, ...]:
    """Return the diagnoses, one of them the principal."""
    if not form.diagnoses:
        codes = [faults.code(f"diagnosis_codes[{place}]", code) for place, code in enumerate(form.diagnosis_codes)]
        return tuple(
            Diagnosis(place, code, "secondary" if place > 1 else _PRINCIPAL)
            for place, code in enumerate(codes, start=1)
            if code
        )
    if form.diagnosis_codes:
        faults.add("diagnosis_codes", "conflict", "`diagnoses` says it already", "الحقل diagnoses يتضمن التشخيصات")
    named = sum(one.type == _PRINCIPAL for one in form.diagnoses)
    if named > 1:
        faults.add(
            "diagnoses", "principal", "Only one diagnosis is the principal one", "يجب أن يكون التشخيص الرئيسي واحداً"
        )
    built = tuple(
        Diagnosis(
            place if one.sequence is None else one.sequence,
            faults.code(f"diagnoses[{place - 1}].code", one.code) or "",
            faults.code(f"diagnoses[{place - 1}].type", one.type or None)
            or (_PRINCIPAL if place == 1 and not named else "secondary"),
        )
        for place, one in enumerate(form.diagnoses, start=1)
    )
    _unique(built, "diagnoses", faults)
    return built


def care_team(form: ClaimForm, faults: Faults) -> tuple[CareTeamMember, ...]:
    """Return the practitioners that the form names."""
    built = []
    for place, one in enumerate(form.care_team):
        path = f"care_team[{place}]"
        if not one.license and not one.name:
            faults.required(f"{path}.license")
        built.append(
            CareTeamMember(
                sequence=place + 1 if one.sequence is None else one.sequence,
                name=faults.text(f"{path}.name", one.name),
                license=faults.code(f"{path}.license", one.license),
                role=faults.code(f"{path}.role", one.role),
                qualification=faults.code(f"{path}.qualification", one.qualification),
            )
        )
    _unique(built, "care_team", faults)
    return tuple(built)


def supporting_info(form: ClaimForm, faults: Faults) -> tuple[SupportingInfo, ...]:
    """Return the supporting information."""
    built = []
    for place, one in enumerate(form.supporting_info):
        path = f"supporting_info[{place}]"
        code = faults.code(f"{path}.code", one.code)
        built.append(
            SupportingInfo(
                sequence=place + 1 if one.sequence is None else one.sequence,
                category=faults.code(f"{path}.category", one.category) or "",
                code=Coding(faults.text(f"{path}.code_system", one.code_system) or "", code) if code else None,
                text=faults.text(f"{path}.text", one.text, most=4000, lines=True),
                unit=faults.code(f"{path}.unit", one.unit),
                start=one.start,
                end=one.end,
                attachment=faults.text(f"{path}.attachment", one.attachment),
            )
        )
    _unique(built, "supporting_info", faults)
    return tuple(built)


def attachments(form: ClaimForm, faults: Faults) -> tuple[Attachment, ...]:
    """Return the documents; their content must be base64."""
    built = []
    for place, one in enumerate(form.attachments):
        path = f"attachments[{place}]"
        try:
            base64.b64decode(one.data, validate=True)
        except (binascii.Error, ValueError):
            faults.add(f"{path}.data", "base64", "The content is not base64", "المحتوى ليس بترميز base64")
        built.append(
            Attachment(
                faults.text(f"{path}.title", one.title) or "",
                faults.code(f"{path}.content_type", one.content_type, most=127) or "",
                one.data,
            )
        )
    return tuple(built)


def identifiers(patient: PatientForm, faults: Faults) -> tuple[Identifier, ...]:
    """Return a keyed patient's numbers; a wrong one is refused."""
    built = []
    for place, one in enumerate(patient.identifiers):
        path = f"patient.identifiers[{place}].value"
        value = faults.code(path, one.value)
        if value is None:
            continue
        system = _SYSTEMS[one.type]
        if not identity.identifier_is_valid(system, value):
            faults.add(path, "identifier", "The number breaks the rules of its kind", "الرقم لا يطابق قواعد نوعه")
        built.append(Identifier(system, value))
    return tuple(built)


def check_references(form_lines: Sequence[Line], known: dict[str, Sequence["_Numbered"]], faults: Faults) -> None:
    """Note each line that names a diagnosis, practitioner or information which the claim does not have."""
    for name, items in known.items():
        there = {item.sequence for item in items}
        for place, line in enumerate(form_lines):
            missing = [number for number in getattr(line, name) if number not in there]
            if missing:
                faults.add(
                    f"lines[{place}].{name}",
                    "reference",
                    f"The claim has no sequence {missing[0]} there",
                    f"لا يوجد في المطالبة رقم تسلسلي {missing[0]}",
                )


class _Numbered(Protocol):
    @property
    def sequence(self) -> int: ...


def _short_line(form: ClaimForm, faults: Faults) -> tuple[Line, ...]:
    if form.service_code is None:
        faults.required("service_code")
    if form.amount is None:
        faults.required("amount")
    elif not form.amount:
        faults.add("amount", "range", "The amount must be more than 0", "يجب أن يكون المبلغ أكبر من صفر")
    code = faults.code("service_code", form.service_code)
    day = faults.day("service_date", form.service_date)
    amount = form.amount or ZERO
    return (Line(1, (Coding("", code or ""),), Quantity(1), amount, amount, ZERO, service_date=day),)


def _line(form: LineForm, place: int, claim: ClaimForm, faults: Faults) -> Line:
    path = f"lines[{place}]"
    code = faults.code(f"{path}.service_code", form.service_code)
    start = faults.day(f"{path}.service_date", form.service_date)
    if start is None and form.service_date is None:
        start = faults.day("service_date", claim.service_date) if place == 0 else _quiet_day(claim.service_date)
    end = faults.day(f"{path}.service_end", form.service_end)
    if start and end and end < start:
        faults.add(f"{path}.service_end", "order", "It lies before service_date", "تاريخ النهاية يسبق تاريخ الخدمة")
    return Line(
        sequence=place + 1 if form.sequence is None else form.sequence,
        codes=(
            Coding(
                faults.text(f"{path}.code_system", form.code_system) or "",
                code or "",
                faults.text(f"{path}.display", form.display),
            ),
        ),
        quantity=form.quantity,
        unit_price=form.unit_price,
        net=_net(form, path, faults),
        tax=form.tax,
        factor=form.factor,
        service_date=start,
        service_end=end,
        patient_share=form.patient_share,
        package=form.package,
        maternity=form.maternity,
        body_site=faults.code(f"{path}.body_site", form.body_site),
        surfaces=tuple(
            faults.code(f"{path}.surfaces[{at}]", surface) or "" for at, surface in enumerate(form.surfaces)
        ),
        diagnosis_sequences=form.diagnosis_sequences,
        care_team_sequences=form.care_team_sequences,
        information_sequences=form.information_sequences,
        invoice=faults.code(f"{path}.invoice", form.invoice),
    )


def _quiet_day(value: str | None) -> date | None:
    """Return the claim's day for a further line; the first line has said what is wrong with it."""
    return Faults().day("", value)


def _net(form: LineForm, path: str, faults: Faults) -> Money:
    if not form.quantity:
        faults.add(f"{path}.quantity", "range", "The quantity must be more than 0", "يجب أن تكون الكمية أكبر من صفر")
    try:
        net = money(form.quantity * form.unit_price * form.factor + form.tax)
    except ValueError:
        faults.add(
            f"{path}.unit_price", "range", "The line is more than any claim may be", "مبلغ البند يتجاوز الحد المسموح"
        )
        return ZERO
    if form.net is not None and form.net != net:
        faults.add(
            f"{path}.net",
            "net",
            f"quantity x unit_price x factor + tax is {net}, not {form.net}",
            f"الكمية × سعر الوحدة × المعامل + الضريبة تساوي {net} وليس {form.net}",
        )
    return net


def _unique(items: Sequence[Any], name: str, faults: Faults) -> None:
    seen: set[int] = set()
    for place, item in enumerate(items):
        if not is_sequence(item.sequence) or item.sequence in seen:
            faults.add(
                f"{name}[{place}].sequence",
                "sequence",
                "Sequences are positive and each is used once",
                "الأرقام التسلسلية موجبة ولا تتكرر",
            )
        seen.add(item.sequence)
