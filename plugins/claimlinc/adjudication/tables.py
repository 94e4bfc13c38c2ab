"""The tables that edits look codes up in: facts with their source, and dated assumptions."""

import re
from datetime import date
from functools import lru_cache
from importlib.resources import files
from typing import Literal, NamedTuple

import msgspec
from msgspec import Struct

from policylinc.contract import fits

_SBS = re.compile(r"[0-9]{5}-[0-9]{2}-[0-9]{2}", re.ASCII)
_KNOWN_CODES = 16_384
_KNOWN_PAIRS = 65_536
_KNOWN_PATTERNS = 1_024
_WHOLE = 100  # percent


class Source(Struct, frozen=True, forbid_unknown_fields=True):
    """Where facts come from."""

    id: str
    title: str
    date: str


class Row(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What all rows say: the codes that they are of, and what they rest on."""

    id: str
    codes: tuple[str, ...]
    source: str | None = None
    assumption: str | None = None
    assumed_on: date | None = None


class SexRow(Row, frozen=True, kw_only=True):
    """Codes of one sex."""

    of: Literal["diagnosis", "service"]
    sex: Literal["male", "female"]


class AgeRow(Row, frozen=True, kw_only=True):
    """Codes of an age; the last year is whole, as is the last day."""

    of: Literal["diagnosis", "service"]
    min_months: int = 0
    max_days: int | None = None
    max_years: int | None = None


class PairingRow(Row, frozen=True, kw_only=True):
    """Services that are done only for some diagnoses."""

    diagnoses: tuple[str, ...]


class PackageRow(Row, frozen=True, kw_only=True):
    """Services that include others."""

    includes: tuple[str, ...]


class FrequencyRow(Row, frozen=True, kw_only=True):
    """Services that are paid no more than `count` times in some days or months."""

    count: int
    counted: tuple[str, ...] = ()  # empty: as `codes`
    days: int | None = None
    months: int | None = None


class RefillRow(Row, frozen=True, kw_only=True):
    """How much of the days of supply may be left when a medicine is dispensed again."""

    early_percent: int


class Tables(Struct, frozen=True, forbid_unknown_fields=True):
    """All tables."""

    source: tuple[Source, ...] = ()
    sex: tuple[SexRow, ...] = ()
    age: tuple[AgeRow, ...] = ()
    pairing: tuple[PairingRow, ...] = ()
    package: tuple[PackageRow, ...] = ()
    frequency: tuple[FrequencyRow, ...] = ()
    consultation: tuple[Row, ...] = ()
    follow_up: tuple[Row, ...] = ()
    refill: tuple[RefillRow, ...] = ()
    unlisted: tuple[Row, ...] = ()


class ServiceFacts(NamedTuple):
    """What the tables say of a service."""

    sex: SexRow | None
    age: AgeRow | None
    pairings: tuple[PairingRow, ...]
    part_of: tuple[PackageRow, ...]
    contains: tuple[PackageRow, ...]
    frequencies: tuple[FrequencyRow, ...]
    consultation: bool
    follow_up: bool
    refill: RefillRow | None
    unlisted: bool


class DiagnosisFacts(NamedTuple):
    """What the tables say of a diagnosis."""

    sex: SexRow | None
    age: AgeRow | None


def faults_of(tables: Tables) -> list[str]:
    """Return what is wrong with tables, all of it."""
    known = {source.id for source in tables.source}
    found = []
    for name in Tables.__struct_fields__[1:]:
        ids: set[str] = set()
        for row in getattr(tables, name):
            found += [f"{name} {row.id}: {fault}" for fault in _row_faults(row, known, ids)]
            ids.add(row.id)
    return found


def _row_faults(row: Row, known: set[str], ids: set[str]) -> list[str]:
    found = []
    if row.id in ids:
        found.append("the id is there twice")
    if not row.codes or not all(row.codes):
        found.append("it is of no code")
    if row.source is None and (row.assumption is None or row.assumed_on is None):
        found.append("it has no source, and is no dated assumption")
    if row.source is not None and row.source not in known:
        found.append(f"nobody knows the source {row.source}")
    if isinstance(row, FrequencyRow) and (row.count < 1 or (row.days is None) == (row.months is None)):
        found.append("it needs a count of 1 or more, and either days or months")
    if isinstance(row, AgeRow) and row.of == "diagnosis" and row.min_months:
        found.append("a diagnosis has no lowest age")
    if isinstance(row, RefillRow) and not 0 <= row.early_percent <= _WHOLE:
        found.append("early_percent lies between 0 and 100")
    return found


def _shipped() -> Tables:
    """Return the tables that come along; what is wrong with them stops the start."""
    text = files("claimlinc").joinpath("data/edits.toml").read_text(encoding="utf-8")
    tables = msgspec.toml.decode(text, type=Tables)
    faults = faults_of(tables)
    if faults:
        raise ValueError("; ".join(faults))
    return tables


TABLES = _shipped()
LONGEST_DAYS = max((row.days or (row.months or 0) * 31 for row in TABLES.frequency), default=0)  # they look back so far


@lru_cache(_KNOWN_CODES)
def service(code: str) -> ServiceFacts:
    """Return what the tables say of a service code."""
    return ServiceFacts(
        sex=next((row for row in TABLES.sex if row.of == "service" and service_fits(row.codes, code)), None),
        age=next((row for row in TABLES.age if row.of == "service" and service_fits(row.codes, code)), None),
        pairings=tuple(row for row in TABLES.pairing if service_fits(row.codes, code)),
        part_of=tuple(row for row in TABLES.package if service_fits(row.includes, code)),
        contains=tuple(row for row in TABLES.package if service_fits(row.codes, code)),
        frequencies=tuple(row for row in TABLES.frequency if service_fits(row.codes, code)),
        consultation=any(service_fits(row.codes, code) for row in TABLES.consultation),
        follow_up=any(service_fits(row.codes, code) for row in TABLES.follow_up),
        refill=next((row for row in TABLES.refill if service_fits(row.codes, code)), None),
        unlisted=any(service_fits(row.codes, code) for row in TABLES.unlisted),
    )


@lru_cache(_KNOWN_CODES)
def diagnosis(code: str) -> DiagnosisFacts:
    """Return what the tables say of an ICD-10-AM code."""
    return DiagnosisFacts(
        sex=next((row for row in TABLES.sex if row.of == "diagnosis" and fits_any(row.codes, code)), None),
        age=next((row for row in TABLES.age if row.of == "diagnosis" and fits_any(row.codes, code)), None),
    )


@lru_cache(_KNOWN_CODES)
def asking(codes: tuple[str, ...]) -> tuple[tuple[str, DiagnosisFacts], ...]:
    """Return the diagnoses of which the tables say something."""
    return tuple((code, facts) for code in codes if any(facts := diagnosis(code)))


@lru_cache(_KNOWN_CODES)
def asking_services(codes: tuple[str, ...]) -> tuple[tuple[str, ServiceFacts], ...]:
    """Return the services of which the tables ask a sex or an age."""
    known = ((code, service(code)) for code in codes)
    return tuple((code, facts) for code, facts in known if facts.sex is not None or facts.age is not None)


@lru_cache(_KNOWN_CODES)
def counts(row: FrequencyRow, code: str) -> bool:
    """Say whether a service counts for a frequency."""
    return service_fits(row.counted or row.codes, code)


@lru_cache(_KNOWN_PAIRS)
def fits_any(patterns: tuple[str, ...], code: str) -> bool:
    """Say whether a code fits one of the patterns."""
    return any(fits(pattern, code) for pattern in patterns)


def service_fits(patterns: tuple[str, ...], code: str) -> bool:
    """Say whether a service fits; a pattern of many codes is of SBS codes alone, but for `*`, which is of all."""
    whole, many = _split(patterns)
    if code in whole:
        return True
    return any(pattern == "*" or (_SBS.fullmatch(code) is not None and fits(pattern, code)) for pattern in many)


@lru_cache(_KNOWN_PATTERNS)
def _split(patterns: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Tell whole codes from patterns of many."""
    many = tuple(one for one in patterns if one.endswith("*") or ".." in one)
    return frozenset(patterns) - frozenset(many), many
