"""Settings of this agent: `[agents.policylinc]`."""

from msgspec import Struct


class Config(Struct, forbid_unknown_fields=True, kw_only=True):
    """What EnrolMember enrols a person in."""

    enrol_product: str = "CHI_STANDARD"  # the payer's oldest product where it has none of this code
    enrol_class: str = "C"  # where the message names no class that the product has
