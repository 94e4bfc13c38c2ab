"""Deciding kept claims again: what was kept of each, the same pure function, and what differs."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from claimlinc.adjudication import Facts, decide
from claimlinc.contract import ClaimSubmission, Decision, TraceStep
from claimlinc.replay import figures
from claimlinc.replay.figures import AMOUNTS, Figures
from claimlinc.replay.overriding import overridden
from claimlinc.replay.schemas import Overrides
from claimlinc.replay.tally import Change, Moved
from claimlinc.service.snapshot import unseal
from masterlinc import wire
from masterlinc.sealing import Vault

_TRACE = tuple[TraceStep, ...]
_NOTHING = Figures(0, "", "-", ("0.00",) * len(AMOUNTS))


class Opened(NamedTuple):
    """A kept decision's row, with the submission and the facts that it was made on."""

    row: Any
    submission: ClaimSubmission
    facts: Facts


class Differing(NamedTuple):
    """A kept decision's row, and the other decision that is made now."""

    row: Any
    decision: Decision


def opened(vault: Vault, payer: UUID, rows: Iterable[Any]) -> list[Opened]:
    """Open what was kept of some decisions."""
    return [
        Opened(row, unseal(vault, payer, row["id"], row["submission"]).submission, wire.load(row["facts"], Facts))
        for row in rows
    ]


def differing(claims: Iterable[Opened], overrides: Overrides) -> list[Differing]:
    """Decide claims on other terms, and return those whose figures are not as they were kept."""
    found, off = [], frozenset(overrides.rules_off)
    for row, submission, facts in claims:
        decision = decide(submission, overridden(submission, facts, overrides), off)
        if figures.spell(decision) != row["figures"]:
            found.append(Differing(row, decision))
    return found


def change(payer: UUID, one: Differing, kept: Sequence[Any]) -> Change:
    """Say what differs in a claim; `kept` are the rows of its lines."""
    row, decision = one
    before = {line.sequence: line for line in figures.read(row["figures"])}
    after = {line.sequence: line for line in figures.read(figures.spell(decision))}
    traces = {line["sequence"]: wire.load(line["trace"], _TRACE) for line in kept}
    made = {line.sequence: line for line in decision.lines}
    amounts = dict.fromkeys(AMOUNTS, Decimal("0.00"))
    rules: dict[str, Moved] = {}
    for sequence in sorted(before.keys() | after.keys()):
        was, now = before.get(sequence, _NOTHING), after.get(sequence, _NOTHING)
        if was == now:
            continue
        added = _added(was, now)
        for name, amount in added.items():
            amounts[name] += amount
        rule = first_other(traces.get(sequence, ()), made[sequence].trace if sequence in made else ())
        rules.setdefault(rule, Moved()).add(Moved(1, added["payer_share"], added["patient_share"]))
    return Change(
        decision_id=row["id"],
        decided_at=row["decided_at"],
        claim_number=row["identifier_value"],
        payer=payer,
        provider=row["provider_organization_id"],
        license=row["provider_license"],
        member=row["member_id"],
        outcomes=(row["outcome"], decision.outcome.value),
        shares=(
            (str(row["payer_share"]), str(decision.totals.payer_share)),
            (str(row["patient_share"]), str(decision.totals.patient_share)),
        ),
        amounts=amounts,
        rules=rules,
    )


def _added(was: Figures, now: Figures) -> Mapping[str, Decimal]:
    return {
        name: Decimal(after) - Decimal(before)
        for name, before, after in zip(AMOUNTS, was.amounts, now.amounts, strict=True)
    }


def first_other(before: Sequence[TraceStep], after: Sequence[TraceStep]) -> str:
    """Return the first rule that found something else, or looked on one side only."""
    for was, now in zip(before, after, strict=False):
        if was.rule != now.rule:
            return was.rule if was.rule not in {step.rule for step in after} else now.rule
        if _differ(was, now):
            return was.rule
    longer = before if len(before) > len(after) else after
    shorter = min(len(before), len(after))
    return longer[shorter].rule if len(longer) > shorter else OTHERWISE


OTHERWISE = "otherwise"  # no rule of the line: the claim as a whole was judged otherwise


def _differ(was: TraceStep, now: TraceStep) -> bool:
    """Compare what two looks of one rule found; a step that was kept with its words names no case."""
    return was.result != now.result or (bool(was.case and now.case) and was.case != now.case)
