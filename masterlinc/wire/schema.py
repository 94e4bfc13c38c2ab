"""JSON Schema of a task's request and answer, as the wire reads and writes them.

msgspec's own generator knows neither Money nor defaults that are Money, and calls a Decimal a string.
"""

from functools import cache
from typing import Any

import msgspec
from msgspec import NODEFAULT, Struct, inspect

from masterlinc.money import Money, Quantity
from masterlinc.wire.codec import encode

_EXACT: dict[type, dict[str, Any]] = {
    Money: {
        "type": "number",
        "minimum": 0,
        "maximum": 999_999_999_999.99,
        "description": "An amount in SAR with at most two decimals.",
    },
    Quantity: {
        "type": "number",
        "minimum": 0,
        "maximum": 999_999_999,
        "description": "A count or factor with at most four decimals.",
    },
}
_PLAIN: dict[type[inspect.Type], dict[str, Any]] = {
    inspect.AnyType: {},
    inspect.RawType: {},
    inspect.NoneType: {"type": "null"},
    inspect.BoolType: {"type": "boolean"},
    inspect.IntType: {"type": "integer"},
    inspect.FloatType: {"type": "number"},
    inspect.DecimalType: {"type": "number"},
    inspect.StrType: {"type": "string"},
    inspect.BytesType: {"type": "string", "contentEncoding": "base64"},
    inspect.DateTimeType: {"type": "string", "format": "date-time"},
    inspect.DateType: {"type": "string", "format": "date"},
    inspect.TimeType: {"type": "string", "format": "time"},
    inspect.TimeDeltaType: {"type": "string", "format": "duration"},
    inspect.UUIDType: {"type": "string", "format": "uuid"},
}
_BOUNDS = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "pattern": "pattern",
}
_LENGTHS = {"string": ("minLength", "maxLength"), "array": ("minItems", "maxItems")}


@cache
def schema(type_: type[Struct]) -> dict[str, Any]:
    """Return a Struct's schema: an object at the top, what it is made of under `$defs`."""
    writer = _Writer()
    name = writer.of(inspect.type_info(type_))["$ref"].rpartition("/")[2]
    top = writer.definitions[name]
    if f'"#/$defs/{name}"'.encode() not in msgspec.json.encode(writer.definitions):
        del writer.definitions[name]  # nothing in it holds it again
    return {**top, "$defs": writer.definitions} if writer.definitions else top


class _Writer:
    """Writes types, and collects the definitions that they refer to."""

    def __init__(self) -> None:
        self.definitions: dict[str, dict[str, Any]] = {}
        self._names: dict[type, str] = {}

    def of(self, kind: inspect.Type) -> dict[str, Any]:
        if isinstance(kind, inspect.Metadata):
            return self.of(kind.type) | (kind.extra_json_schema or {})
        if isinstance(kind, inspect.StructType):
            return self._struct(kind)
        if isinstance(kind, inspect.CustomType) and kind.cls in _EXACT:
            return _EXACT[kind.cls]
        if type(kind) in _PLAIN:
            plain = _PLAIN[type(kind)]
            return plain | _bounds(kind, plain.get("type", ""))
        return self._made_of_others(kind)

    def _made_of_others(self, kind: inspect.Type) -> dict[str, Any]:
        match kind:
            case inspect.EnumType():
                return {"enum": [one.value for one in kind.cls]}
            case inspect.LiteralType():
                return {"enum": list(kind.values)}
            case inspect.UnionType():
                return {"anyOf": [self.of(one) for one in kind.types]}
            case inspect.ListType() | inspect.VarTupleType() | inspect.SetType() | inspect.FrozenSetType():
                return {"type": "array", "items": self.of(kind.item_type)} | _bounds(kind, "array")
            case inspect.DictType():
                return {"type": "object", "additionalProperties": self.of(kind.value_type)}
        raise TypeError(f"{type(kind).__name__} has no JSON Schema here")

    def _struct(self, kind: inspect.StructType) -> dict[str, Any]:
        name = self._names.get(kind.cls)
        if name is None:
            name = self._names[kind.cls] = self._free(kind.cls.__name__)
            made: dict[str, Any] = {"type": "object", "description": (kind.cls.__doc__ or name).strip()}
            self.definitions[name] = made  # before its fields, which may hold it again
            made["properties"] = {one.encode_name: self._field(one) for one in kind.fields}
            made["required"] = [one.encode_name for one in kind.fields if one.required]
            if kind.forbid_unknown_fields:
                made["additionalProperties"] = False
        return {"$ref": f"#/$defs/{name}"}

    def _free(self, name: str) -> str:
        """Return the name, or with a number behind it where another Struct has it."""
        taken = sum(1 for cls in self._names if cls.__name__ == name)
        return f"{name}{taken + 1}" if taken else name

    def _field(self, one: inspect.Field) -> dict[str, Any]:
        found = self.of(one.type)
        if one.default is not NODEFAULT:
            found = found | {"default": msgspec.json.decode(encode(one.default))}
        return found


def _bounds(kind: inspect.Type, type_: str) -> dict[str, Any]:
    found = {word: getattr(kind, name) for name, word in _BOUNDS.items() if getattr(kind, name, None) is not None}
    for name, word in zip(("min_length", "max_length"), _LENGTHS.get(type_, ()), strict=False):
        if getattr(kind, name, None) is not None:
            found[word] = getattr(kind, name)
    return found
