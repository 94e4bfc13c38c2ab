"""How exact numbers, problems and public routes look in the OpenAPI document."""

from collections.abc import Callable
from typing import Any

from litestar.handlers import HTTPRouteHandler
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, RequestBody, Schema
from litestar.plugins import OpenAPISchemaPlugin, ReceiveRoutePlugin
from litestar.routes import BaseRoute
from litestar.typing import FieldDefinition
from msgspec import Raw, Struct

from masterlinc.errors import FieldError
from masterlinc.money import Money, Quantity
from masterlinc.security.guards import PUBLIC

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
    Raw: lambda: Schema(description="Any JSON value."),
}


class Problem(Struct):
    """The one shape of an error (RFC 9457); `error`, `message` and `message_ar` are those of the first system."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    detail_ar: str
    errors: list[FieldError]
    trace_id: str
    error: int
    message: str
    message_ar: str


MEDIA_TYPE = "application/problem+json"
_PROBLEMS = {
    400: "What was sent cannot be read",
    401: "No valid token came with the request",
    403: "The caller lacks the permission",
    404: "There is no such thing, or the caller may not see it",
    409: "The request collides with what is stored",
    422: "Parsed, and wrong: every fault with its field",
    429: "More requests than the caller's limit; see Retry-After",
    503: "Something that the request needs is not there now; see Retry-After",
}


class DocumentedRoutes(ReceiveRoutePlugin):
    """Writes into every operation the errors that any route may answer, and where no token is asked for."""

    def receive_route(self, route: BaseRoute) -> None:
        """Add the responses that handlers do not describe themselves, and free the public ones of the token."""
        for handler in getattr(route, "route_handlers", ()):
            if isinstance(handler, HTTPRouteHandler):
                handler.responses = {**_problem_responses(), **(handler.responses or {})}
                if handler.opt.get(PUBLIC):
                    handler.security = [{}]


def _problem_responses() -> dict[int, ResponseSpec]:
    kind: Any = MEDIA_TYPE  # any text does, though the parameter's type is Litestar's enum
    return {
        status: ResponseSpec(data_container=Problem, generate_examples=False, description=text, media_type=kind)
        for status, text in _PROBLEMS.items()
    }


def body_of(schema: Schema, *media_types: str) -> RequestBody:
    """Return the body of an operation whose route reads the request itself."""
    return RequestBody({kind: OpenAPIMediaType(schema=schema) for kind in media_types}, required=True)


class ExactNumbers(OpenAPISchemaPlugin):
    """Writes Money and Quantity as bounded numbers, and what has no type as any value."""

    def is_plugin_supported_field(self, field_definition: FieldDefinition) -> bool:
        """Say whether a field is one of the exact types."""
        return field_definition.annotation in _SCHEMAS

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: Any) -> Schema:  # noqa: ARG002
        """Return the schema of an exact type."""
        return _SCHEMAS[field_definition.annotation]()
