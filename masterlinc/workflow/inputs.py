"""The inputs of a graph's steps: their references lead to earlier steps, and what is known by now fits the task."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Raw, Struct

from masterlinc.errors import DomainError, FieldError
from masterlinc.wire import decode, encode, tree
from masterlinc.workflow.targets import Target
from masterlinc.workflow.template import CONTEXT, Reference, TemplateError, references, render

Found = dict[str, Any] | None  # an object that was read, or none where it was none


@dataclass(frozen=True)
class Known:
    """The steps of the graph with the types of their outputs, those that have ended by then, and the context."""

    answers: Mapping[str, type[Struct] | None]
    ended: frozenset[str]
    context: Found
    mode: str


def read(raw: Raw, path: str, faults: list[FieldError]) -> Found:
    """Read an object; null is an empty one."""
    try:
        value = tree(bytes(raw))
    except DomainError as fault:
        faults.append(FieldError(path, "range", fault.detail, fault.detail_ar))
        return None
    if value is None:
        return {}
    if not isinstance(value, dict):
        faults.append(FieldError(path, "type", "Expected an object", "المتوقع كائن"))
        return None
    return value


def check_input(raw: Raw, target: Target | None, known: Known, path: str, faults: list[FieldError]) -> Found:
    """Return an input with its references in place, having told every fault of it."""
    value = read(raw, path, faults)
    if value is None:
        return None
    try:
        named = list(references(value))
    except TemplateError as fault:
        faults.append(_no_reference(path, fault))
        return value
    wrong = [error for place, one in named if (error := _wrong(one, f"{path}.{place}", known))]
    faults += wrong
    if target is not None and not wrong:
        if any(one.root != CONTEXT for _, one in named) or known.context is None:
            faults += _incomplete(value, target.request, path)
        else:
            faults += _unfit(render(value, {}, known.context), target.request, path)
    return value


def _no_reference(path: str, fault: TemplateError) -> FieldError:
    return FieldError(
        path,
        "reference",
        f"{fault}; write $${{ for a literal ${{",
        f"المرجع ${{{fault.path}}} غير صحيح؛ اكتب $${{ للنص الحرفي ${{",
    )


def _wrong(reference: Reference, path: str, known: Known) -> FieldError | None:
    text = f"${{{reference.text}}}"
    if reference.root == CONTEXT:
        return _wrong_context(text, path, known)
    if reference.root not in known.answers:
        detail = f"{text}: there is no step {reference.root}", f"{text}: لا توجد خطوة باسم {reference.root}"
        return FieldError(path, "unknown-step", *detail)
    if reference.root not in known.ended:
        hint, hint_ar = "name it in depends_on", "أضفها إلى depends_on"
        if known.mode == "parallel":
            hint, hint_ar = "parallel steps know no other: use mixed", "الخطوات المتوازية مستقلة: استخدم mixed"
        elif known.mode == "sequential":
            hint, hint_ar = "it comes before in the list", "يجب أن تسبقها في القائمة"
        return FieldError(
            path,
            "not-upstream",
            f"{text}: step {reference.root} has not ended by then; {hint}",
            f"{text}: لا تكون الخطوة {reference.root} قد انتهت حينئذ؛ {hint_ar}",
        )
    answer = known.answers[reference.root]
    if answer is not None and reference.parts:
        fields = [field.encode_name for field in msgspec.structs.fields(answer)]
        if reference.parts[0] not in fields:
            return FieldError(
                path,
                "unknown-field",
                f"{text}: the result of {reference.root} has {', '.join(fields) or 'no fields'}",
                f"{text}: حقول نتيجة {reference.root} هي: {'، '.join(fields) or 'لا شيء'}",
            )
    return None


def _wrong_context(text: str, path: str, known: Known) -> FieldError | None:
    if known.context is None:
        return None  # told already
    try:
        render(text, {}, known.context)
    except TemplateError:
        return FieldError(
            path, "unknown-context", f"{text}: the context has no such value", f"{text}: لا توجد هذه القيمة في context"
        )
    return None


def _unfit(value: Any, request: type[Struct], path: str) -> list[FieldError]:
    """Decode what is known in full; a parser tells its first fault only."""
    try:
        decode(encode(value), request)
    except DomainError as fault:
        errors = fault.errors or (FieldError("", fault.code, fault.detail, fault.detail_ar),)
        return [msgspec.structs.replace(one, path=f"{path}.{one.path}" if one.path else path) for one in errors]
    return []


def _incomplete(value: Mapping[str, Any], request: type[Struct], path: str) -> list[FieldError]:
    """Tell the fields that are missing, and those that are not known to a type that refuses such."""
    fields = {field.encode_name: field.required for field in msgspec.structs.fields(request)}
    found = [
        FieldError(f"{path}.{name}", "missing", "This field is required", "هذا الحقل مطلوب")
        for name, required in fields.items()
        if required and name not in value
    ]
    if request.__struct_config__.forbid_unknown_fields:
        found += [
            FieldError(f"{path}.{name}", "unknown", "There is no such field", "لا يوجد حقل بهذا الاسم")
            for name in value
            if name not in fields
        ]
    return found
