"""Which claims a submission corrects, as it says so itself."""

from typing import NamedTuple

from claimlinc.contract import ClaimSubmission, Identifier, Use

PRIOR = "prior"  # NPHIES related-claim-relationship: an earlier claim for the same services


class Named(NamedTuple):
    """An earlier claim for the same services, and where the submission names it."""

    path: str
    identifier: Identifier


def corrects(submission: ClaimSubmission) -> list[Named]:
    """Return the claims that a claim corrects, in the order in which they are locked."""
    if submission.use is not Use.CLAIM:
        return []
    named = {
        (one.identifier.system, one.identifier.value): Named(f"related[{place}].claim_number", one.identifier)
        for place, one in enumerate(submission.related)
        if one.relationship == PRIOR
    }
    return [named[key] for key in sorted(named)]
