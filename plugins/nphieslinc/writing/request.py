"""The message of a claim that did not come as one."""

from uuid import UUID

from msgspec import Struct

from claimlinc.contract import ClaimSubmission, LoadedClaim, Use
from masterlinc.clock import Clock
from masterlinc.identity import PAYER_LICENSE, PROVIDER_LICENSE
from nphieslinc.fhir import Tree, write
from nphieslinc.fhir.systems import ACT_CODE
from nphieslinc.writing.claim import claim as claim_resource
from nphieslinc.writing.header import Sender, header
from nphieslinc.writing.people import coverage, organization, patient, practitioner
from nphieslinc.writing.shapes import bundle, entry, reference, resource


class Parties(Struct, frozen=True):
    """Who asks whom, by licence and name; `base` begins every URL of the message."""

    provider_license: str
    provider_name: str
    payer_license: str
    payer_name: str
    base: str


def build_request(claim: LoadedClaim, parties: Parties, clock: Clock, *, bundle_id: UUID, header_id: UUID) -> bytes:
    """Return the claim-request or priorauth-request of a claim; its ids are given, so that a resend is the same."""
    submission, lines = claim.submission, claim.normalized_lines or claim.submission.lines
    urls = _urls(claim, parties.base)
    provider = Sender("provider", parties.provider_license, parties.base)
    payer = Sender("payer", parties.payer_license, f"{PAYER_LICENSE}/{parties.payer_license}")
    event = "claim-request" if submission.use is Use.CLAIM else "priorauth-request"
    entries = [
        entry(f"urn:uuid:{header_id}", header(str(header_id), event, provider, payer, focus=urls["claim"])),
        entry(urls["claim"], claim_resource(_id(urls["claim"]), submission, lines, urls)),
        entry(urls["patient"], patient(_id(urls["patient"]), submission.subject)),
        *_subscriber(submission, urls),
        entry(urls["coverage"], coverage(_id(urls["coverage"]), submission.cover, _covered(urls))),
        *(_practitioners(submission, urls)),
        *(_encounter(submission, urls)),
        *_organizations(parties, urls),
    ]
    return write(bundle(str(bundle_id), clock.now().isoformat(timespec="seconds"), entries))


def _urls(claim: LoadedClaim, base: str) -> dict[str, str]:
    key, submission = claim.claim_id, claim.submission
    urls = {
        "base": base,
        "claim": f"{base}/Claim/{key}",
        "patient": f"{base}/Patient/{key}",
        "coverage": f"{base}/Coverage/{key}",
        "provider": f"{base}/Organization/provider",
        "insurer": f"{base}/Organization/insurer",
    }
    if submission.cover.subscriber is not None:
        urls["subscriber"] = f"{base}/Patient/{key}-subscriber"
    if submission.encounter_class:
        urls["encounter"] = f"{base}/Encounter/{key}"
    for member in submission.care_team:
        urls[f"practitioner-{member.sequence}"] = f"{base}/Practitioner/{key}-{member.sequence}"
    return urls


def _id(url: str) -> str:
    return url.rsplit("/", 1)[-1]


def _covered(urls: dict[str, str]) -> dict[str, str]:
    subscriber = urls.get("subscriber", urls["patient"])
    return {"subscriber": subscriber, "beneficiary": urls["patient"], "payor": urls["insurer"]}


def _subscriber(submission: ClaimSubmission, urls: dict[str, str]) -> list[Tree]:
    subscriber = submission.cover.subscriber
    return [] if subscriber is None else [entry(urls["subscriber"], patient(_id(urls["subscriber"]), subscriber))]


def _practitioners(submission: ClaimSubmission, urls: dict[str, str]) -> list[Tree]:
    named = [(urls[f"practitioner-{member.sequence}"], member) for member in submission.care_team]
    return [entry(url, practitioner(_id(url), member)) for url, member in named]


def _encounter(submission: ClaimSubmission, urls: dict[str, str]) -> list[Tree]:
    if "encounter" not in urls:
        return []
    held = resource(
        "Encounter",
        _id(urls["encounter"]),
        "encounter",
        identifier=[{"system": urls["base"] + "/encounter", "value": _id(urls["encounter"])}],
        status="finished" if submission.use is Use.CLAIM else "planned",
        class_={"system": ACT_CODE, "code": submission.encounter_class},
        subject=reference(urls["patient"]),
        period=_period(submission),
        serviceProvider=reference(urls["provider"]),
    )
    return [entry(urls["encounter"], held)]


def _period(submission: ClaimSubmission) -> Tree:
    """Return the first and the last day of service."""
    days = [day for line in submission.lines for day in (line.service_date, line.service_end) if day]
    return {
        "start": min(days, default=submission.created).isoformat(),
        "end": max(days, default=submission.created).isoformat(),
    }


def _organizations(parties: Parties, urls: dict[str, str]) -> list[Tree]:
    provider = organization("provider", "prov", PROVIDER_LICENSE, parties.provider_license, parties.provider_name)
    insurer = organization("insurer", "ins", PAYER_LICENSE, parties.payer_license, parties.payer_name)
    return [entry(urls["provider"], provider), entry(urls["insurer"], insurer)]
