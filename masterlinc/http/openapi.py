"""How exact numbers look in the OpenAPI document."""

from collections.abc import Callable
from typing import Any

from litestar.openapi.spec import OpenAPIType, Schema
from litestar.plugins import OpenAPISchemaPlugin
from litestar.typing import FieldDefinition

from masterlinc.money import Money, Quantity

_SCHEMAS: dict[Any, Callable[[], Schema]] = {
    Money: lambda: Schema(
        type=OpenAPIType.NUMBER,
        minimum=0,
        maximum=999_999_999_999.99,
        multiple_of=0.01,
        description="An amount in SAR, exact to the halala; accepted as a JSON number or as a string of plain digits.",
        examples=[250.0],
    ),
    Quantity: lambda: Schema(
        type=OpenAPIType.NUMBER,
        minimum=0,
        maximum=999_999_999,
        multiple_of=0.0001,
        description="A count or factor with at most four decimals.",
        examples=[1],
    ),
}


class ExactNumbers(OpenAPISchemaPlugin):
    """Writes Money and Quantity as bounded numbers."""

    def is_plugin_supported_field(self, field_definition: FieldDefinition) -> bool:
        """Say whether a field is one of the exact types."""
        return field_definition.annotation in _SCHEMAS

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: Any) -> Schema:  # noqa: ARG002
        """Return the schema of an exact type."""
        return _SCHEMAS[field_definition.annotation]()
