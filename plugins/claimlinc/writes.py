"""Appending what follows a claim: the rows of its steps, answers and decisions. A row is a tuple in column order."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from masterlinc.db.transaction import Transaction

Row = Sequence[Any]


def _insert(table: str, columns: str, jsonb: str = "") -> str:
    names = columns.split()
    values = (f"${place}{'::jsonb' if name in jsonb.split() else ''}" for place, name in enumerate(names, 1))
    return f"INSERT INTO claimlinc.{table} ({', '.join(names)}) VALUES ({', '.join(values)})"  # noqa: S608 - our own names


_COVER = _insert(
    "claim_cover",
    "organization_id claim_id number payer_organization_id member_id policy_id policy_class status found_at",
)
_SIGNATURE = _insert("claim_signature", "organization_id claim_id number signature algorithm key_id digest signed_at")
_NORMALIZED_LINE = _insert(
    "normalized_line",
    "organization_id claim_id number sequence system code display display_ar source confidence made_at",
)
_FINDING = _insert("finding", "organization_id id claim_id step rule severity path detail detail_ar found_at")
_ANSWER = _insert(
    "answer",
    "organization_id claim_id number status disposition preauth_ref payer_decision_id message_id errors answered_at",
    jsonb="errors",
)
_ANSWER_LINE = _insert(
    "answer_line",
    "organization_id claim_id number sequence outcome billed allowed deductible copay tax payer_tax payer_share"
    " patient_share approved_quantity denial_code",
)
_DECISION = _insert(
    "decision",
    "organization_id id provider_organization_id provider_license identifier_system identifier_value number use"
    " member_id policy_id service_date outcome billed allowed deductible copay tax payer_tax payer_share patient_share"
    " disposition disposition_ar rules_version preauth_ref trace decided_at reissue_reason",
    jsonb="trace",
)
_DECISION_LINE = _insert(
    "decision_line",
    "organization_id decision_id provider_organization_id sequence outcome benefit billed allowed deductible copay tax"
    " payer_tax payer_share patient_share approved_quantity denial_code reason reason_ar trace used_authorization",
    jsonb="trace",
)
_DECISION_BASIS = _insert("decision_basis", "organization_id decision_id facts submission", jsonb="facts")

_PAST_LINE = _insert(
    "past_line",
    "organization_id decision_id sequence member_id service_date provider_organization_id claim_system claim systems"
    " codes benefit quantity outcome body_site surfaces practitioner diagnoses days_supply",
)
_WITHDRAWN = _insert("withdrawn_decision", "organization_id decision_id reason withdrawn_at")


async def append_cover(tx: Transaction, row: Row) -> None:
    """Append the cover that validation found."""
    await tx.execute(_COVER, *row)


async def append_signature(tx: Transaction, row: Row) -> None:
    """Append the signature of what goes out."""
    await tx.execute(_SIGNATURE, *row)


async def append_codes(tx: Transaction, rows: Sequence[Row]) -> None:
    """Append the lines' normalised codes."""
    await tx.executemany(_NORMALIZED_LINE, rows)


async def append_findings(tx: Transaction, rows: Sequence[Row]) -> None:
    """Append what a step found wrong."""
    await tx.executemany(_FINDING, rows)


async def append_answer(tx: Transaction, row: Row, lines: Sequence[Row]) -> None:
    """Append an answer with its lines."""
    await tx.execute(_ANSWER, *row)
    await tx.executemany(_ANSWER_LINE, lines)


async def append_decision(tx: Transaction, row: Row, lines: Sequence[Row], basis: Row) -> None:
    """Append a payer's decision with its lines and what it was based on."""
    await tx.execute(_DECISION, *row)
    await tx.executemany(_DECISION_LINE, lines)
    await tx.execute(_DECISION_BASIS, *basis)


async def append_past_lines(tx: Transaction, rows: Sequence[Row]) -> None:
    """Append a decision's lines to the member's history."""
    await tx.executemany(_PAST_LINE, rows)


async def append_withdrawn(tx: Transaction, row: Row) -> None:
    """Append that a decision no longer counts, if that is not there."""
    await tx.execute(f"{_WITHDRAWN} ON CONFLICT DO NOTHING", *row)


async def set_status(tx: Transaction, organization: UUID, claim_id: UUID, status: str, at: Any) -> None:
    """Move a claim on: the only change that a recorded claim takes."""
    await tx.execute(
        "UPDATE claimlinc.claim SET status = $3, status_at = $4, version = version + 1"
        " WHERE organization_id = $1 AND id = $2",
        organization,
        claim_id,
        status,
        at,
    )
