"""What the research routes answer: groups of claims, no person."""

from typing import Literal

from msgspec import Struct

from masterlinc.money import Money


class Labelled(Struct):
    """A code with its names."""

    code: str
    title: str
    title_ar: str


class ResearchGroup(Struct):
    """Claims of a month that are alike; what is null is not told apart in this group, or would tell too much."""

    month: str
    detail: Literal["person", "service", "type"]  # how finely the group is told apart
    claim_type: Labelled
    diagnosis_chapter: Labelled | None
    service_group: Labelled | None
    policy_class: str | None
    age_band: str | None
    gender: Labelled | None
    claims: int  # to the nearest 5
    billed: Money | None  # to the nearest 100
    payer_share: Money | None  # to the nearest 100


class ResearchPage(Struct):
    """A page of groups."""

    groups: list[ResearchGroup]
    total: int
    page: int
    page_size: int
    total_exact: bool
