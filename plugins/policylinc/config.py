"""Settings of this agent: `[agents.policylinc]`."""

from typing import Annotated

from msgspec import Meta, Struct


class Config(Struct, forbid_unknown_fields=True, kw_only=True):
    """What EnrolMember enrols a person in, and how long an enrolment file may be."""

    enrol_product: str = "CHI_STANDARD"  # the payer's oldest product where it has none of this code
    enrol_class: str = "C"  # where the message names no class that the product has
    enrolment_lines: Annotated[int, Meta(ge=1, le=50_000)] = 20_000  # of one file
