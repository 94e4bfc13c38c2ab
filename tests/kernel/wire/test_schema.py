from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

import jsonschema
import pytest
from msgspec import Meta, Struct

from masterlinc.money import ZERO, Money, Quantity
from masterlinc.registry import discover
from masterlinc.wire.schema import schema

TASKS = [task for agent in discover()[0] for task in agent.tasks]


class Colour(StrEnum):
    RED = "red"


class Part(Struct, forbid_unknown_fields=True):
    """A part."""

    amount: Money
    count: Quantity = Quantity(1)
    parts: tuple["Part", ...] = ()


class Whole(Struct):
    """A whole."""

    key: UUID
    day: date | None
    colour: Colour
    kind: Literal["a", "b"]
    name: Annotated[str, Meta(min_length=1, max_length=9)]
    numbers: Annotated[list[int], Meta(max_length=3)]
    parts: dict[str, Part]
    anything: Any = None
    paid: Money = ZERO


def test_a_struct_is_an_object_whose_parts_are_defined_below():
    made = schema(Whole)
    assert made["type"] == "object"
    assert made["description"] == "A whole."
    assert made["required"] == ["key", "day", "colour", "kind", "name", "numbers", "parts"]
    assert made["properties"]["name"] == {"type": "string", "minLength": 1, "maxLength": 9}
    assert made["properties"]["numbers"] == {"type": "array", "items": {"type": "integer"}, "maxItems": 3}
    assert made["properties"]["paid"]["default"] == 0
    assert made["properties"]["parts"]["additionalProperties"] == {"$ref": "#/$defs/Part"}
    assert made["$defs"]["Part"]["additionalProperties"] is False
    assert made["$defs"]["Part"]["properties"]["count"]["default"] == 1
    assert list(made["$defs"]) == ["Part"]


def test_a_struct_that_holds_itself_is_defined_too():
    made = schema(Part)
    jsonschema.Draft202012Validator(made).validate({"amount": 1.5, "parts": [{"amount": 2}]})
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(made).validate({"amount": 1.5, "parts": [{"amount": "two"}]})


def test_two_structs_of_one_name_stay_two():
    def other() -> type[Struct]:
        class Part(Struct):
            """Another part."""

            length: int

        return Part

    class Both(Struct):
        first: Part
        second: other()  # type: ignore[valid-type]

    made = schema(Both)
    assert set(made["$defs"]) == {"Part", "Part2"}
    assert made["$defs"]["Part2"]["description"] == "Another part."


def test_what_has_no_schema_is_a_fault_of_the_code():
    class Odd(Struct):
        value: complex

    with pytest.raises(TypeError):
        schema(Odd)


@pytest.mark.parametrize(
    "type_", {one for task in TASKS for one in (task.request, task.answer)}, ids=lambda t: t.__name__
)
def test_every_task_has_a_schema(type_):
    jsonschema.Draft202012Validator.check_schema(schema(type_))
    assert schema(type_)["type"] == "object"
