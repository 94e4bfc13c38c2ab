"""A what-if over kept decisions: the difference to the halala, of one payer's own claims, and nothing is changed."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from claim_acts import answered, correction
from claim_builders import benefit, line, sar, terms
from claim_deciding import audited, claim, decide, everything, record

from claimlinc.chain_schemas import CancelForm, CancelReason
from claimlinc.contract import ClaimType
from claimlinc.replay import simulating
from claimlinc.replay.errors import SimulationTooLarge
from claimlinc.replay.schemas import SimulationForm
from claimlinc.replay.versions import of_version
from claimlinc.service.cancelling import cancel
from masterlinc import ids, wire
from masterlinc.errors import Invalid
from masterlinc.testing import bearer
from policylinc import service as policies
from policylinc.contract import BenefitLimit, LimitKind, LimitPer
from policylinc.drafts import BenefitDraft

FEWER = '{"overrides": {"benefits": {"dental": {"copay_percent": 5}}}}'


def form(text: str) -> SimulationForm:
    return wire.decode(text.encode(), SimulationForm)


async def simulate(parties, text):
    return await simulating.simulate(parties.payer, form(text))


async def test_the_difference_is_counted_by_rule_party_outcome_and_riyal(parties):
    # Dental: 15 % of 200.00 is 30.00, at 5 % 10.00: 20.00 go from the patient to the payer, and with them
    # 15 % tax. Optical is not covered and stays so.
    await decide(parties, claim(parties, line("200", "30")))
    await decide(parties, claim(parties, line("100"), claim_type=ClaimType.VISION))
    found = await simulate(parties, FEWER)
    assert (found.claims, found.changed, found.changed_lines) == (2, 1, 1)
    riyals = found.difference.riyals
    assert (riyals.before.payer_share, riyals.after.payer_share) == (Decimal("195.50"), Decimal("218.50"))
    assert riyals.difference.payer_share == Decimal("23.00")
    assert riyals.difference.patient_share == Decimal("-23.00")
    assert riyals.difference.copay == Decimal("-20.00")
    (rule,) = found.difference.by_rule
    assert (rule.rule, rule.lines, rule.payer_share) == ("copay", 1, Decimal("23.00"))
    (payer,), (provider,) = found.difference.by_payer, found.difference.by_provider
    assert payer.payer_share == provider.payer_share == Decimal("23.00")
    (outcome,) = found.difference.by_outcome
    assert (outcome.before, outcome.after, outcome.claims) == ("approved", "approved", 1)
    (one,) = found.sample
    assert (one.payer_share_before, one.payer_share_after) == (Decimal("195.50"), Decimal("218.50"))
    assert one.rules == ["copay"]


async def test_nothing_differs_on_the_terms_that_were_kept(parties):
    for number in range(3):
        await decide(parties, claim(parties, line(f"{100 + number}.33", "15.05"), line("50", sequence=2)))
    found = await simulate(parties, "{}")
    assert (found.claims, found.changed) == (3, 0)
    assert found.difference.riyals.before == found.difference.riyals.after


async def test_a_simulation_changes_nothing_but_leaves_its_audit_rows(parties):
    made = await decide(parties, claim(parties))
    before = await everything(parties)
    assert before["claimlinc.decision"][0] == 1
    await simulate(parties, FEWER)
    assert await everything(parties) == before
    rows = await audited(parties, "adjudication.%")
    assert [(row["action"], row["resource_id"], row["patient"]) for row in rows] == [
        ("adjudication.simulate", "", None),
        ("adjudication.simulated", str(made.decision_id), parties.member_id),  # the one that was shown
    ]
    assert rows[0]["actor_id"] == parties.payer.principal.user_id


async def test_a_payer_sees_its_own_decisions_only(parties, another_parties):
    await decide(parties, claim(parties))
    await decide(another_parties, claim(another_parties))
    assert (await simulate(parties, FEWER)).claims == 1
    found = await simulating.simulate(parties.provider, form(FEWER))
    assert (found.claims, found.sample) == (0, [])


async def test_a_claim_counts_as_it_was_decided_last_and_not_where_it_was_replaced_or_cancelled(quiet):
    first = claim(quiet, line("200"))
    claim_id, _ = await answered(quiet, first)
    await answered(quiet, correction(quiet, first, line("100")))
    found = await simulate(quiet, FEWER)
    assert (found.claims, found.difference.riyals.before.payer_share) == (1, Decimal(85))
    other, _ = await answered(quiet, claim(quiet))
    assert (await simulate(quiet, "{}")).claims == 2
    await cancel(quiet.provider, ids.show("CLM", other), CancelForm(CancelReason.WRONG_INFORMATION))
    assert (await simulate(quiet, "{}")).claims == 1
    replaced = await simulate(quiet, f'{{"claim_ids": ["{ids.show("CLM", claim_id)}"]}}')
    assert replaced.claims == 0


async def test_claims_are_chosen_by_when_they_were_decided(parties):
    made = await decide(parties, claim(parties))
    day = made.decided_at
    for text, claims in (
        (f'{{"since": "{day.isoformat()}"}}', 1),
        (f'{{"since": "{(day + timedelta(seconds=1)).isoformat()}"}}', 0),
        (f'{{"until": "{day.isoformat()}"}}', 0),
        (f'{{"until": "{day.date() + timedelta(days=1)}"}}', 1),
    ):
        assert (await simulate(parties, text)).claims == claims, text


async def test_claims_are_chosen_by_their_numbers(parties):
    made = claim(parties)
    recorded = await record(parties, made)
    await decide(parties, made)
    await decide(parties, claim(parties))
    assert (await simulate(parties, f'{{"claim_ids": ["{recorded.claim_id}"]}}')).claims == 1
    assert (await simulate(parties, '{"claim_ids": []}')).claims == 0


async def test_every_fault_is_told_with_its_path(parties, another_parties):
    other = await record(another_parties, claim(another_parties))
    with pytest.raises(Invalid) as caught:
        await simulate(
            parties,
            '{"since": "yesterday", "until": "2026-13-01", "claim_ids": ["CLM-1"], "overrides": {"percent_of_billed":'
            ' 101, "benefits": {"dental": {"copay_percent": 100.5, "limits": [{"kind": "count", "per": "year", "value":'
            ' 1}, {"kind": "count", "per": "year", "value": 2}]}}, "rules_off": ["no-such", "copay", "benefit-class"],'
            ' "policy_version": "new"}}',
        )
    assert [(one.path, one.code) for one in caught.value.errors] == [
        ("since", "date"),
        ("until", "date"),
        ("claim_ids[0]", "unknown"),
        ("overrides.percent_of_billed", "range"),
        ("overrides.benefits.dental.copay_percent", "range"),
        ("overrides.benefits.dental.limits[1]", "twice"),
        ("overrides.rules_off[0]", "unknown"),
        ("overrides.rules_off[1]", "needed"),
        ("overrides.rules_off[2]", "needed"),
        ("overrides.policy_version", "date"),
    ]
    with pytest.raises(Invalid) as caught:
        await simulate(parties, f'{{"claim_ids": ["{other.claim_id}"]}}')
    assert [(one.path, one.code) for one in caught.value.errors] == [("claim_ids[0]", "unknown")]
    with pytest.raises(Invalid) as caught:
        await simulate(parties, '{"since": "2026-03-01", "until": "2026-02-01"}')
    assert [one.path for one in caught.value.errors] == ["until"]


async def test_another_version_of_the_product_is_taken_by_its_day(parties):
    """From April on dental has no co-pay and a lower limit; the claim of March was decided with 15 % of 200.00."""
    await decide(parties, claim(parties, line("200", "30")))
    draft = BenefitDraft(benefit="dental", copay_percent=Decimal(0), year_limit=Decimal(100))
    keeper = parties.payer.for_agent("policylinc")
    await policies.add_benefits(keeper, parties.payer_id, ("STD", "B"), [draft], date(2026, 4, 1), supersede=True)
    same = await simulate(parties, '{"overrides": {"policy_version": "2026-03-31"}}')
    assert (same.claims, same.changed) == (1, 0)
    # 100.00 are the limit now: the payer pays them and half of the tax, and paid 170.00 and 25.50.
    found = await simulate(parties, '{"overrides": {"policy_version": "2026-04-01"}}')
    assert found.difference.riyals.difference.payer_share == Decimal("115.00") - Decimal("195.50")
    assert [one.rule for one in found.difference.by_rule] == ["copay"]


async def test_what_a_version_grants_carries_on_what_was_used():
    old = benefit(
        "dental", used=sar(400), limits=(BenefitLimit(LimitKind.COUNT, LimitPer.YEAR, Decimal(4), Decimal(3)),)
    )
    new = benefit(
        "dental",
        limits=(
            BenefitLimit(LimitKind.COUNT, LimitPer.YEAR, Decimal(9)),
            BenefitLimit(LimitKind.DAYS, LimitPer.YEAR, Decimal(5)),
        ),
    )
    found = of_version(terms(old), terms(new, benefit("massage"))).benefits
    assert (found[0].used, [one.used for one in found[0].limits]) == (sar(400), [Decimal(3), Decimal(0)])
    assert "massage" in {one.benefit for one in found}


async def test_too_many_claims_are_refused_with_the_command_that_takes_them(parties, services, monkeypatch):
    monkeypatch.setattr(services.registry.configs["claimlinc"], "simulation_claims", 1)
    await decide(parties, claim(parties))
    assert (await simulate(parties, FEWER)).claims == 1
    await decide(parties, claim(parties))
    with pytest.raises(SimulationTooLarge, match="masterlinc adjudicate replay") as caught:
        await simulate(parties, FEWER)
    assert (caught.value.status, caught.value.extra) == (413, {"most": 1})


async def test_the_route_is_for_the_payer_and_refuses_unknown_fields(parties, running, client):
    await decide(parties, claim(parties))
    path, body = "/api/v1/adjudications/simulate", wire.tree(FEWER)
    payer, provider = bearer(running, parties.payer.principal), bearer(running, parties.provider.principal)
    answer = await client.post(path, json=body, headers=payer)
    assert answer.status_code == 200, answer.text
    assert answer.json()["changed"] == 1
    assert answer.json()["difference"]["riyals"]["difference"]["payer_share"] == 23.0
    assert (await client.post(path, json=body, headers=provider)).status_code == 403
    wrong = await client.post(path, json={"overrides": {"copay": 1}}, headers=payer)
    assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (422, "overrides.copay")
