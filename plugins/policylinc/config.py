"""Settings of this agent: `[agents.policylinc]`."""

from msgspec import Struct


class Config(Struct, forbid_unknown_fields=True, kw_only=True):
    """What EnrolMember enrols a person in where the message names no class that the product has."""

    enrol_product: str = ""  # a product code; empty: the payer's oldest product
    enrol_class: str = "C"
