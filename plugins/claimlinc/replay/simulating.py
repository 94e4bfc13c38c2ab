"""A what-if over HTTP: a bounded number of a payer's own decisions, made again on other terms; nothing is changed."""

from decimal import Decimal
from typing import Any

from claimlinc.adjudication import RULES
from claimlinc.replay import checking, kept
from claimlinc.replay.errors import SimulationTooLarge
from claimlinc.replay.figures import AMOUNTS
from claimlinc.replay.judging import OTHERWISE
from claimlinc.replay.kept import Span
from claimlinc.replay.running import Job, tally_part
from claimlinc.replay.schemas import (
    Amounts,
    ChangedClaim,
    Difference,
    OutcomeDifference,
    Overrides,
    PartyDifference,
    Riyals,
    RuleDifference,
    Simulation,
    SimulationForm,
)
from claimlinc.replay.tally import Change, Moved, Tally
from masterlinc import ids
from masterlinc.context import Context
from masterlinc.db.transaction import Transaction
from masterlinc.money import Money

SAMPLE = 20
_MOST_PROVIDERS = 100
_TITLES = {rule.id: (rule.title, rule.title_ar) for rule in RULES} | {
    OTHERWISE: ("The claim as a whole", "المطالبة ككل"),
}


async def simulate(ctx: Context, form: SimulationForm) -> Simulation:
    """Say what would have been decided; raises Invalid with every fault, and SimulationTooLarge."""
    since, until = checking.span_of(form)
    payer, most = ctx.principal.organization_id, ctx.config.simulation_claims
    async with ctx.transaction() as tx:
        chosen = None if form.claim_ids is None else await _chosen(tx, payer, form.claim_ids)
        span = Span(payer, since, until, chosen, last_only=True)
        claims = await kept.counted_to(tx, span, most + 1)
        before = await kept.counted(tx, span) if claims <= most else None
        tx.audit(
            "adjudication.simulate",
            "decision",
            "",
            organization_id=payer,
            detail={"claims": str(claims), "since": form.since or "", "until": form.until or ""},
        )
    if before is None:
        raise SimulationTooLarge(most)
    tally = await tally_part(ctx, Job(span, form.overrides or Overrides(), SAMPLE))
    if tally.sample:
        async with ctx.transaction() as tx:
            for one in tally.sample:
                _audit_shown(tx, one)
    return simulation(tally, before)


def simulation(tally: Tally, before: Any) -> Simulation:
    """Return what was counted as it is shown; `before` holds the sums of what was decided."""
    was = {name: Decimal(before[name]) for name in AMOUNTS}
    moved = tally.amounts
    providers = sorted(tally.providers.items(), key=lambda item: (-_size(item[1]), item[0]))
    return Simulation(
        claims=tally.claims,
        changed=tally.changed,
        changed_lines=tally.changed_lines,
        difference=Difference(
            riyals=Riyals(Amounts(**was), Amounts(**{name: was[name] + moved[name] for name in was}), Amounts(**moved)),
            by_rule=[
                RuleDifference(rule, *_titles(rule), one.count, one.payer_share, one.patient_share)
                for rule, one in sorted(tally.rules.items(), key=lambda item: (-_size(item[1]), item[0]))
            ],
            by_payer=[_party(key, one) for key, one in sorted(tally.payers.items())],
            by_provider=[_party(key, one) for key, one in providers[:_MOST_PROVIDERS]],
            by_outcome=[
                _outcomes(key, claims)
                for key, claims in sorted(tally.outcomes.items(), key=lambda item: (-item[1], item[0]))
            ],
            providers_left_out=max(0, len(providers) - _MOST_PROVIDERS),
        ),
        sample=[_shown(one) for one in tally.sample],
    )


async def _chosen(tx: Transaction, payer: Any, claims: tuple[str, ...]) -> tuple[Any, ...]:
    """Return the decisions on claims; raises Invalid with the place of each that this payer has not decided."""
    keys = [ids.parse("CLM", text) for text in claims]
    found = await kept.decisions_of_claims(tx, payer, keys)
    known = {place for place, _ in found}
    checking.refuse([checking.unknown_claim(place) for place in range(len(keys)) if place not in known])
    return tuple(decision for _, decision in found)


def _audit_shown(tx: Transaction, one: Change) -> None:
    tx.audit(
        "adjudication.simulated",
        "decision",
        str(one.decision_id),
        organization_id=one.payer,
        patient=one.member,
    )


def _size(one: Moved) -> Decimal:
    return abs(one.payer_share) + abs(one.patient_share)


def _titles(rule: str) -> tuple[str, str]:
    return _TITLES.get(rule, (rule, rule))


def _party(key: str, one: Moved) -> PartyDifference:
    number, _, license_number = key.partition(" ")
    return PartyDifference(number or None, license_number or None, one.count, one.payer_share, one.patient_share)


def _outcomes(key: str, claims: int) -> OutcomeDifference:
    before, after = key.split(" ")
    return OutcomeDifference(before, after, claims)


def _shown(one: Change) -> ChangedClaim:
    (payer_before, payer_after), (patient_before, patient_after) = one.shares
    return ChangedClaim(
        decision_id=one.decision_id,
        claim_number=one.claim_number,
        provider_id=ids.show("ORG", one.provider) if one.provider else None,
        decided_at=one.decided_at,
        outcome_before=one.outcomes[0],
        outcome_after=one.outcomes[1],
        payer_share_before=Money.parse(payer_before),
        payer_share_after=Money.parse(payer_after),
        patient_share_before=Money.parse(patient_before),
        patient_share_after=Money.parse(patient_after),
        rules=sorted(one.rules),
    )
