import asyncio
from datetime import date
from decimal import Decimal

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from policy_builders import Insured, insure, posting, terms_of, use

from masterlinc.context import Context
from masterlinc.ids import new_id
from masterlinc.money import Money
from policylinc.contract import BenefitUse, ReverseBenefits
from policylinc.errors import MemberNotFound, PostingDiffers
from policylinc.ledger import load_terms, post_benefits, reverse_benefits

BENEFITS = ("dental", "inpatient", "outpatient", "pharmacy")


async def ledger_and_balances(ctx: Context, insured: Insured) -> tuple[dict[str, object], dict[str, object]]:
    async with ctx.transaction() as tx:
        entries = await tx.fetch(
            "SELECT benefit, sum(amount) AS used, sum(deductible) AS deductible FROM policylinc.benefit_entry"
            " WHERE organization_id = $1 AND member_id = $2 GROUP BY benefit",
            insured.payer,
            insured.member_id,
        )
        kept = await tx.fetch(
            "SELECT benefit, used, deductible_used FROM policylinc.balance"
            " WHERE organization_id = $1 AND member_id = $2 AND (used <> 0 OR deductible_used <> 0)",
            insured.payer,
            insured.member_id,
        )
    sums = {row["benefit"]: (row["used"], row["deductible"]) for row in entries if row["used"] or row["deductible"]}
    return sums, {row["benefit"]: (row["used"], row["deductible_used"]) for row in kept}


async def test_terms_carry_the_class_and_what_is_used(payer: Context, insured: Insured) -> None:
    await post_benefits(payer, posting(insured, use("dental", "150.50", "20.00"), use("outpatient", "49.50")))
    terms = await load_terms(payer, terms_of(insured))
    dental = next(term for term in terms.benefits if term.benefit == "dental")
    assert (terms.annual_limit, terms.annual_used) == (Money("10000.00"), Money("200.00"))
    assert (terms.deductible, terms.deductible_used) == (Money("100.00"), Money("20.00"))
    assert (dental.limit, dental.used, dental.copay_percent) == (Money("2000.00"), Money("150.50"), Decimal(20))
    assert dental.rule_id == "STD-C.dental@1"
    assert terms.version == "STD/C@2020-01-01"
    assert [term.benefit for term in terms.benefits] == sorted(term.benefit for term in terms.benefits)
    assert next(term.covered for term in terms.benefits if term.benefit == "optical") is False


async def test_use_counts_in_its_own_policy_year(payer: Context) -> None:
    insured = await insure(
        payer, payer.principal.organization_id, effective_date=date(2025, 6, 15), expiry_date=date(2027, 6, 14)
    )
    await post_benefits(payer, posting(insured, use("dental", "100.00")))  # 1 March 2026: the first year
    assert (await load_terms(payer, terms_of(insured, date(2026, 6, 14)))).annual_used == Money("100.00")
    assert (await load_terms(payer, terms_of(insured, date(2026, 6, 15)))).annual_used == Money("0.00")


async def test_a_decision_is_posted_once(payer: Context, insured: Insured) -> None:
    once = posting(insured, use("dental", "100.00"), use("dental", "5.00"), use("pharmacy", "7.25"))
    assert (await post_benefits(payer, once)).entries == 2
    assert (await post_benefits(payer, once)).entries == 2
    assert (await load_terms(payer, terms_of(insured))).annual_used == Money("112.25")


async def test_a_decision_that_comes_again_with_other_figures_is_refused(payer: Context, insured: Insured) -> None:
    first = posting(insured, use("dental", "100.00"))
    await post_benefits(payer, first)
    with pytest.raises(PostingDiffers):
        await post_benefits(payer, posting(insured, use("dental", "100.01"), decision_id=first.decision_id))


async def test_a_decision_is_taken_back_once(payer: Context, insured: Insured) -> None:
    posted = posting(insured, use("dental", "100.00", "10.00"))
    await post_benefits(payer, posted)
    reversal = ReverseBenefits(insured.payer, posted.decision_id)
    assert (await reverse_benefits(payer, reversal)).entries == 1
    assert (await reverse_benefits(payer, reversal)).entries == 1
    terms = await load_terms(payer, terms_of(insured))
    assert (terms.annual_used, terms.deductible_used) == (Money("0.00"), Money("0.00"))
    assert (await reverse_benefits(payer, ReverseBenefits(insured.payer, new_id()))).entries == 0


async def test_terms_hold_the_lock_until_the_posting_is_committed(payer: Context, insured: Insured) -> None:
    """Two decisions race for the last 100 of a limit of 2,000: exactly one fits."""
    await post_benefits(payer, posting(insured, use("dental", "1900.00")))

    async def decide() -> bool:
        async with payer.transaction():
            terms = await load_terms(payer, terms_of(insured))
            dental = next(term for term in terms.benefits if term.benefit == "dental")
            assert dental.limit is not None
            fits = dental.limit - dental.used >= 100
            if fits:
                await post_benefits(payer, posting(insured, use("dental", "100.00")))
            return fits

    assert sorted(await asyncio.gather(*(decide() for _ in range(6)))) == [False] * 5 + [True]
    assert await ledger_and_balances(payer, insured) == ({"dental": (2000, 0)}, {"dental": (2000, 0)})


async def test_the_same_decision_posted_at_the_same_time_counts_once(payer: Context, insured: Insured) -> None:
    same = posting(insured, use("dental", "10.00"), use("pharmacy", "20.00"))
    await asyncio.gather(*(post_benefits(payer, same) for _ in range(8)))
    assert (await load_terms(payer, terms_of(insured))).annual_used == Money("30.00")


async def test_first_postings_of_a_member_do_not_deadlock(payer: Context, insured: Insured) -> None:
    forth = [posting(insured, *(use(benefit, "1.00") for benefit in BENEFITS)) for _ in range(5)]
    back = [posting(insured, *(use(benefit, "1.00") for benefit in reversed(BENEFITS))) for _ in range(5)]
    await asyncio.gather(*(post_benefits(payer, one) for one in forth + back))
    assert (await load_terms(payer, terms_of(insured))).annual_used == Money("40.00")


async def test_a_posting_that_is_rolled_back_leaves_nothing(payer: Context, insured: Insured) -> None:
    undone = posting(insured, use("dental", "10.00"))

    async def fail() -> None:
        async with payer.transaction():
            await post_benefits(payer, undone)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await ledger_and_balances(payer, insured) == ({}, {})
    assert (await post_benefits(payer, undone)).entries == 1


_MONEY = st.integers(0, 10_000_00).map(lambda halalas: Money(Decimal(halalas) / 100))
_USES = st.lists(st.builds(BenefitUse, st.sampled_from(BENEFITS), _MONEY, _MONEY), max_size=5)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(decisions=st.lists(st.tuples(_USES, st.booleans()), max_size=6))
async def test_the_ledger_is_the_sum_of_its_entries_and_so_is_the_balance(
    payer: Context, decisions: list[tuple[list[BenefitUse], bool]]
) -> None:
    fresh = payer.acting_for(new_id())
    insured = await insure(fresh, fresh.principal.organization_id)
    expected = Decimal(0)
    for uses, taken_back in decisions:
        one = posting(insured, *uses)
        await post_benefits(fresh, one)
        if taken_back:
            await reverse_benefits(fresh, ReverseBenefits(insured.payer, one.decision_id))
        else:
            expected += sum((each.amount for each in uses), Decimal(0))
    ledger, balance = await ledger_and_balances(fresh, insured)
    assert ledger == balance
    assert (await load_terms(fresh, terms_of(insured))).annual_used == expected


async def test_the_application_cannot_rewrite_the_ledger(payer: Context, insured: Insured) -> None:
    await post_benefits(payer, posting(insured, use("dental", "10.00")))
    for statement in (
        "UPDATE policylinc.benefit_entry SET amount = 0",
        "DELETE FROM policylinc.benefit_entry",
        "UPDATE policylinc.posting SET entries = 0",
        "DELETE FROM policylinc.balance",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with payer.transaction() as tx:
                await tx.execute(statement)


async def test_a_balance_below_zero_is_refused(payer: Context, insured: Insured) -> None:
    await post_benefits(payer, posting(insured, use("dental", "10.00")))
    with pytest.raises(asyncpg.CheckViolationError):
        async with payer.transaction() as tx:
            await tx.execute("UPDATE policylinc.balance SET used = used - 10.01 WHERE benefit = 'dental'")


async def test_another_payer_sees_no_member(payer: Context, insured: Insured) -> None:
    other = payer.acting_for(new_id())
    with pytest.raises(MemberNotFound):
        await load_terms(other, terms_of(insured).__class__(new_id(), insured.member_id, date(2026, 3, 1)))
