"""Bodies of requests and answers about providers."""

from typing import Annotated

from msgspec import Meta, Struct


class ProviderView(Struct):
    """A provider that users may sign in with, and where a browser begins."""

    name: str
    title: str
    title_ar: str
    start: str


class Providers(Struct):
    """Every provider of the settings."""

    providers: list[ProviderView]


class IdentityForm(Struct, forbid_unknown_fields=True):
    """A provider's name for a user: the `sub` of its ID tokens."""

    provider: Annotated[str, Meta(min_length=1, max_length=40)]
    subject: Annotated[str, Meta(min_length=1, max_length=255)]
