"""Reading a tree of JSON as a Struct with every fault, where a decoder would stop at the first."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from types import UnionType
from typing import Any, get_args, get_origin

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from masterlinc.errors import FieldError
from masterlinc.wire.faults import field_error
from policylinc.changes.checks import own_faults

_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,8})?", re.ASCII)
_NOTHING: Any = None


def fit(value: Any, type_: Any, path: str, faults: list[FieldError]) -> Any:
    """Return `value` as `type_`; what does not fit is added to `faults`, and the answer is then of no use.

    A part that fits is checked at once: another part's fault does not hide its own.
    """
    if isinstance(type_, type) and issubclass(type_, Struct):
        return _struct(value, type_, path, faults)
    if get_origin(type_) is tuple:
        return _list(value, get_args(type_)[0], path, faults)
    if Decimal in {type_, *(get_args(type_) if isinstance(type_, UnionType) else ())}:
        value = _number(value)
    try:
        return msgspec.convert(value, type_)
    except msgspec.ValidationError as fault:
        faults.append(field_error(fault, root=path))
        return _NOTHING


def _struct(value: Any, type_: type[Struct], path: str, faults: list[FieldError]) -> Any:
    if not isinstance(value, Mapping):
        faults.append(_said("type", path, "Expected an object", "المتوقع كائن"))
        return _NOTHING
    before, given = len(faults), {}
    config = type_.__struct_config__
    fields = {field.encode_name: field for field in msgspec.structs.fields(type_)}
    faults += _strangers(value, {*fields, config.tag_field or ""}, path)
    for name, field in fields.items():
        if name in value:
            given[field.name] = fit(value[name], field.type, _join(path, name), faults)
        elif field.required:
            faults.append(_said("missing", _join(path, name), "This field is required", "هذا الحقل مطلوب"))
    if len(faults) > before:
        return _NOTHING
    made = type_(**given)
    faults += (replace(one, path=_join(path, one.path)) for one in own_faults(made))
    return made if len(faults) == before else _NOTHING


def _list(value: Any, type_: Any, path: str, faults: list[FieldError]) -> Any:
    if not isinstance(value, list):
        faults.append(_said("type", path, "Expected a list", "المتوقع قائمة"))
        return _NOTHING
    return tuple(fit(one, type_, f"{path}[{index}]", faults) for index, one in enumerate(value))


def _number(value: Any) -> Any:
    """Let only plain numbers be amounts: `1e3`, `1_0` and `NaN` are none."""
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        return "no number"
    return value


def _strangers(value: Mapping[str, Any], known: set[str], path: str) -> Iterator[FieldError]:
    for name in value:
        if name not in known:
            yield _said("unknown", _join(path, name), "There is no such field", "لا يوجد حقل بهذا الاسم")


def _join(path: str, name: str) -> str:
    return f"{path}.{name[:120]}" if path else name[:120]


def _said(code: str, path: str, detail: str, detail_ar: str) -> FieldError:
    return FieldError(path=path, code=code, detail=detail, detail_ar=detail_ar)
