"""The shipped benefit packages: published figures with source and date, and assumptions that complete them."""

from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files

import msgspec
from msgspec import Struct, field

from policylinc.changes.documents import PayerDocument
from policylinc.drafts import BenefitDraft, ClassDraft, ProductDraft


class Figure(Struct, frozen=True, forbid_unknown_fields=True):
    """A published figure."""

    name: str
    amount: Decimal
    per: str
    source: str
    date: str


class Assumption(Struct, frozen=True, forbid_unknown_fields=True):
    """A figure that no source gives."""

    name: str
    amount: Decimal
    why: str
    date: date


class Term(Struct, frozen=True, forbid_unknown_fields=True):
    """A published time, share or way of dealing."""

    name: str
    value: str
    source: str
    date: str


class Part(Struct, frozen=True, forbid_unknown_fields=True):
    """What a benefit is a part of, and the services that are its own."""

    benefit: str
    why: str
    parent: str | None = None
    codes: tuple[str, ...] = ()


class _Benefit(Struct, frozen=True, forbid_unknown_fields=True):
    benefit: str
    copay_percent: Decimal
    copay_cap: str | None = None
    year_limit: str | None = None
    authorization_required: bool = False
    authorization_above: str | None = None


class _Class(Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    network: str
    annual_limit: str
    deductible: str
    benefits: tuple[_Benefit, ...]


class _Package(Struct, frozen=True, forbid_unknown_fields=True):
    code: str
    name: str
    name_ar: str
    classes: tuple[_Class, ...] = field(name="class")


class _Book(Struct, frozen=True, forbid_unknown_fields=True):
    figure: tuple[Figure, ...]
    assumption: tuple[Assumption, ...]
    term: tuple[Term, ...]
    part: tuple[Part, ...]
    package: tuple[_Package, ...]


def package_codes() -> tuple[str, ...]:
    """Return the codes of the shipped packages."""
    return tuple(package.code for package in _book().package)


def figures() -> tuple[tuple[Figure, ...], tuple[Assumption, ...]]:
    """Return the published figures and the assumptions."""
    return _book().figure, _book().assumption


def published_terms() -> tuple[Term, ...]:
    """Return how the Council and the exchange say that a payer deals with claims."""
    return _book().term


def parts() -> tuple[Part, ...]:
    """Return the benefits with services of their own."""
    return _book().part


def package_payer(effective_from: date) -> PayerDocument:
    """Return the published times and shares as a payer's own terms."""
    tree = {one.name: one.value for one in _book().term} | {"effective_from": str(effective_from)}
    return msgspec.convert(tree | {"kind": "payer"}, PayerDocument, strict=False)


def package_product(code: str, effective_from: date) -> ProductDraft:
    """Return a shipped package as a product draft; raises LookupError for an unknown one."""
    for package in _book().package:
        if package.code == code:
            return ProductDraft(
                code=package.code,
                name=package.name,
                name_ar=package.name_ar,
                policy_type=package.code,
                effective_from=effective_from,
                classes=tuple(_class_draft(one) for one in package.classes),
            )
    raise LookupError(f"no package {code}")


def _class_draft(one: _Class) -> ClassDraft:
    return ClassDraft(
        policy_class=one.name,
        annual_limit=_amount(one.annual_limit),
        deductible=_amount(one.deductible),
        network=one.network,
        benefits=tuple(_benefit_draft(benefit) for benefit in one.benefits),
    )


def _benefit_draft(one: _Benefit) -> BenefitDraft:
    part = next((part for part in _book().part if part.benefit == one.benefit), None)
    return BenefitDraft(
        benefit=one.benefit,
        parent=part.parent if part else None,
        codes=part.codes if part else (),
        copay_percent=one.copay_percent,
        copay_cap=_amount(one.copay_cap) if one.copay_cap else None,
        year_limit=_amount(one.year_limit) if one.year_limit else None,
        authorization_required=one.authorization_required,
        authorization_above=_amount(one.authorization_above) if one.authorization_above else None,
    )


def _amount(name: str) -> Decimal:
    return _amounts()[name]  # a package names its figures, so that each leads back to its source


@cache
def _amounts() -> dict[str, Decimal]:
    book = _book()
    return {one.name: one.amount for one in book.figure} | {one.name: one.amount for one in book.assumption}


@cache
def _book() -> _Book:
    return msgspec.toml.decode(files("policylinc").joinpath("data/chi.toml").read_bytes(), type=_Book)
