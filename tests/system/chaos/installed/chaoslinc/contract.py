"""What is asked of the agent."""

from msgspec import Struct


class Work(Struct, frozen=True):
    """Something to do; `order` says when the process dies of it, `token` is its own."""

    token: str
    order: str = ""


class Worked(Struct, frozen=True):
    """It is done."""

    key: str


class Happened(Struct, frozen=True, tag="chaoslinc.happened.v1"):
    """Something was recorded."""

    token: str
    order: str
    nested: str = ""  # the business key of the workflow that waits for this
