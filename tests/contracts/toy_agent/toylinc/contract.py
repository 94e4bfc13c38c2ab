"""What other agents may import."""

from uuid import UUID

from msgspec import Struct


class Greeted(Struct, frozen=True, tag="toylinc.greeted.v1"):
    """Somebody was greeted."""

    greeting_id: UUID


class Greet(Struct, frozen=True):
    """Greet somebody."""

    name: str


class Greeting(Struct, frozen=True):
    """What was said, and how often it was said before."""

    text: str
    said_before: int
