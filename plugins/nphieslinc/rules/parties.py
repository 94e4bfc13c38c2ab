"""Rules on ids, sender and receiver."""

import re
from collections.abc import Iterator

from nphieslinc.fhir import Node
from nphieslinc.reading.coding import license_of
from nphieslinc.rules.rule import Case, Finding, Rule

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


def _bundle_id(case: Case) -> Iterator[Finding]:
    if not _GUID.fullmatch(case.envelope.bundle_id):
        yield Finding("Bundle.id")


def _header_id(case: Case) -> Iterator[Finding]:
    if not _GUID.fullmatch(case.envelope.header_id):
        yield Finding(f"{case.envelope.header.path}.id")


def _provider_license(case: Case) -> Iterator[Finding]:
    provider = case.message.resolve(case.claim.child("provider"), case.claim)
    yield from _other_license(provider, "provider-license", case.envelope.sender)


def _insurer_license(case: Case) -> Iterator[Finding]:
    insurer = case.message.resolve(case.claim.child("insurer"), case.claim)
    yield from _other_license(insurer, "payer-license", case.envelope.receiver)


def _other_license(organization: Node | None, ending: str, wanted: str) -> Iterator[Finding]:
    found = license_of(organization, ending)
    if organization is not None and found != wanted:
        yield Finding(f"{organization.path}.identifier", {"found": found or "-", "wanted": wanted})


RULES = (
    Rule(
        "BV-00341",
        "the Bundle's id is not a UUID of 36 characters",
        "معرّف الحزمة ليس UUID من 36 حرفاً",
        _bundle_id,
    ),
    Rule(
        "BV-00168",
        "the MessageHeader's id is not a UUID of 36 characters",
        "معرّف MessageHeader ليس UUID من 36 حرفاً",
        _header_id,
    ),
    Rule(
        "GE-00031",
        "the provider's licence is {found}, but the message was sent by {wanted}",
        "ترخيص مقدم الخدمة {found} بينما مرسل الرسالة {wanted}",
        _provider_license,
    ),
    Rule(
        "GE-00034",
        "the insurer's licence is {found}, but the message is for {wanted}",
        "ترخيص شركة التأمين {found} بينما مستقبل الرسالة {wanted}",
        _insurer_license,
    ),
)
