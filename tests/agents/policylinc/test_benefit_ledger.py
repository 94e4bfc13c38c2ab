import asyncio
from dataclasses import replace
from datetime import date
from decimal import Decimal

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from policy_builders import Insured, insure, policy, posting, terms_of, usage, use

from masterlinc.context import Context
from masterlinc.ids import new_id
from masterlinc.money import Money
from policylinc.contract import BenefitUse, LimitKind, LimitPer, ReverseBenefits
from policylinc.drafts import MemberDraft
from policylinc.errors import MemberNotFound, PostingDiffers
from policylinc.ledger import load_terms, post_benefits, reverse_benefits
from policylinc.records import Use
from policylinc.service import create_policy, enrol_member
from policylinc.usage import Usage

BENEFITS = ("dental", "inpatient", "outpatient", "pharmacy")


_FIGURES = ("amount", "deductible", "units", "days")
_KEPT = ("used", "deductible_used", "units_used", "days_used")


async def ledger_and_balances(ctx: Context, insured: Insured) -> tuple[dict[str, object], dict[str, object]]:
    """The sums of the entries and what is kept beside them, by benefit, where they are not zero."""
    found: list[dict[str, object]] = []
    async with ctx.transaction() as tx:
        for table, columns in (("benefit_entry", _FIGURES), ("balance", _KEPT)):
            sums = ", ".join(f"sum({column})" for column in columns)
            sql = f"""
            SELECT benefit, {sums} FROM policylinc.{table}
            WHERE organization_id = $1 AND member_id = $2 GROUP BY benefit
            """
            rows = await tx.fetch(sql, insured.payer, insured.member_id)
            found.append({row[0]: tuple(row)[1:] for row in rows if any(tuple(row)[1:])})
    entries, balances = found
    return entries, balances


async def renewed(ctx: Context, first: Insured) -> Insured:
    """The same member number under the next year's policy."""
    number = f"P-{new_id().hex[:12]}"
    days = {"effective_date": date(2027, 1, 1), "expiry_date": date(2027, 12, 31)}
    await create_policy(ctx, first.payer, policy(number, **days))
    draft = MemberDraft(policy_number=number, member_number=first.member_number, name="سارة خان")
    return replace(first, policy_number=number, member_id=await enrol_member(ctx, first.payer, draft))


async def test_terms_carry_the_class_and_what_is_used(payer: Context, insured: Insured) -> None:
    await post_benefits(payer, posting(insured, use("dental", "150.50", "20.00"), use("outpatient", "49.50")))
    terms = await load_terms(payer, terms_of(insured))
    dental = next(term for term in terms.benefits if term.benefit == "dental")
    assert (terms.annual_limit, terms.annual_used) == (Money("10000.00"), Money("200.00"))
    assert (terms.deductible, terms.deductible_used) == (Money("100.00"), Money("20.00"))
    assert (dental.limit, dental.used, dental.copay_percent) == (Money("2000.00"), Money("150.50"), Decimal(20))
    assert dental.rule_id == "STD-C.dental@1"
    assert terms.version.startswith("STD/C@2020-01-01.")
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


async def race(ctx: Context, insured: Insured, asked: BenefitUse, limit: Decimal, *, runners: int) -> int:
    """Let decisions race that each take `asked` where it still fits; return how many took it."""
    kind = LimitKind.COUNT if asked.count else LimitKind.AMOUNT

    async def decide() -> bool:
        async with ctx.transaction():
            await load_terms(ctx, terms_of(insured))  # the lock, which lasts until the commit
            left = limit - (await usage(ctx, insured)).of(asked.benefit, kind, LimitPer.LIFETIME)
            fits = (asked.count if kind is LimitKind.COUNT else asked.amount) <= left
            if fits:
                await post_benefits(ctx, posting(insured, asked))
            return fits

    return sum(await asyncio.gather(*(decide() for _ in range(runners))))


async def test_terms_hold_the_lock_until_the_posting_is_committed(payer: Context, insured: Insured) -> None:
    """Six decisions race for the last 100 of a limit of 2,000: exactly one fits."""
    await post_benefits(payer, posting(insured, use("dental", "1900.00")))
    assert await race(payer, insured, use("dental", "100.00"), Decimal(2000), runners=6) == 1
    assert await ledger_and_balances(payer, insured) == ({"dental": (2000, 0, 0, 0)},) * 2


@pytest.mark.parametrize(
    ("asked", "kept"),
    [(use("dental", "0.01"), (Decimal("0.01"), 0, 0, 0)), (use("dental", "0.00", count=1), (0, 0, 1, 0))],
    ids=["the last riyal", "the last visit"],
)
async def test_two_decisions_race_for_the_last_of_a_limit_and_exactly_one_fits(
    payer: Context, insured: Insured, asked: BenefitUse, kept: tuple[Decimal, ...]
) -> None:
    """200 rounds, each for the next of a limit that grows by one use: one of two takes it, the other finds none."""
    for number in range(1, 201):
        limit = Decimal(number) * (asked.count or asked.amount)
        assert await race(payer, insured, asked, limit, runners=2) == 1, number
    total = tuple(200 * figure for figure in kept)
    assert await ledger_and_balances(payer, insured) == ({"dental": total}, {"dental": total})


async def test_claims_of_two_years_race_for_the_last_of_a_lifetime_and_one_fits(
    payer: Context, insured: Insured
) -> None:
    """A renewal has balances of its own: it is the person who is locked."""
    again = await renewed(payer, insured)
    for number in range(1, 201):

        async def decide(one: Insured, day: date, limit: int = number) -> bool:
            async with payer.transaction():
                await load_terms(payer, terms_of(one, day))
                used = (await usage(payer, one, day)).of("dental", LimitKind.COUNT, LimitPer.LIFETIME)
                if used < limit:
                    await post_benefits(payer, posting(one, use("dental", "0.00", count=1), day=day))
                return used < limit

        days = (date(2026, 3, 1), date(2027, 3, 1))
        taken = await asyncio.gather(*map(decide, (insured, again), days))
        assert sorted(taken) == [False, True], number


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


async def test_units_and_days_are_counted_and_taken_back(payer: Context, insured: Insured) -> None:
    posted = posting(insured, use("inpatient", "100.00", days=3), use("outpatient", "0.00", count=2))
    await post_benefits(payer, posted)
    await post_benefits(payer, posting(insured, use("outpatient", "0.00", count=1)))
    used = await usage(payer, insured)
    assert used.of("inpatient", LimitKind.DAYS, LimitPer.YEAR) == 3
    assert used.of("outpatient", LimitKind.COUNT, LimitPer.YEAR) == 3
    assert used.of("outpatient", LimitKind.COUNT, LimitPer.VISIT) == 0
    await reverse_benefits(payer, ReverseBenefits(insured.payer, posted.decision_id))
    used = await usage(payer, insured)
    assert used.of("inpatient", LimitKind.DAYS, LimitPer.YEAR) == 0
    assert used.of("outpatient", LimitKind.COUNT, LimitPer.LIFETIME) == 1


async def test_a_lifetime_goes_on_over_renewals_and_a_year_begins_anew(payer: Context, insured: Insured) -> None:
    await post_benefits(payer, posting(insured, use("dental", "100.00", count=1)))
    again = await renewed(payer, insured)
    in_2027 = date(2027, 3, 1)
    await post_benefits(payer, posting(again, use("dental", "20.00", count=1), day=in_2027))
    used = await usage(payer, again, in_2027)
    assert (used.of("dental", LimitKind.AMOUNT, LimitPer.YEAR), used.total().used) == (20, 20)
    assert used.of("dental", LimitKind.AMOUNT, LimitPer.LIFETIME) == 120
    assert used.of("dental", LimitKind.COUNT, LimitPer.LIFETIME) == 2


async def test_who_leaves_a_policy_and_comes_back_goes_on_with_the_same_year(payer: Context) -> None:
    insured = await insure(payer, payer.principal.organization_id)
    await post_benefits(payer, posting(insured, use("dental", "100.00")))
    async with payer.transaction() as tx:
        await tx.execute("UPDATE policylinc.member SET effective_to = '2026-04-30' WHERE id = $1", insured.member_id)
    draft = MemberDraft(
        policy_number=insured.policy_number,
        member_number=insured.member_number,
        name="سارة خان",
        effective_from=date(2026, 6, 1),
    )
    back = replace(insured, member_id=await enrol_member(payer, insured.payer, draft))
    assert (await load_terms(payer, terms_of(back, date(2026, 6, 1)))).annual_used == Money("100.00")


def test_what_a_sub_benefit_uses_counts_for_its_parent_too() -> None:
    year = {"dental": Use(Decimal(10)), "dental_crown": Use(Decimal(5), units_used=Decimal(1))}
    parents = {"dental": None, "dental_crown": "dental", "crown_gold": "dental_crown"}
    used = Usage(year | {"crown_gold": Use(Decimal(2))}, {}).with_sub_benefits(parents)
    sums = {name: int(use.used) for name, use in used.year.items()}
    assert sums == {"dental": 17, "dental_crown": 7, "crown_gold": 2}
    assert used.of("dental", LimitKind.COUNT, LimitPer.YEAR) == 1
    assert Usage(year, {}).total().used == 15


def test_parents_in_a_circle_end() -> None:
    used = Usage({"a": Use(Decimal(1))}, {}).with_sub_benefits({"a": "b", "b": "a"})
    assert {name: int(use.used) for name, use in used.year.items()} == {"a": 1, "b": 1}


_HALALAS = st.integers(0, 10_000_00).map(lambda halalas: Money(Decimal(halalas) / 100))
_UNITS = st.integers(0, 9_0000).map(lambda units: Decimal(units) / 10_000)
_USES = st.lists(
    st.builds(BenefitUse, st.sampled_from(BENEFITS), _HALALAS, _HALALAS, _UNITS, st.integers(0, 40)), max_size=5
)
# Of each claim what its decisions use, one after the other: each is posted once the one before is taken back.
_CLAIMS = st.lists(st.tuples(st.lists(_USES, min_size=1, max_size=3), st.booleans()), max_size=5)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(claims=_CLAIMS)
async def test_the_ledger_is_the_sum_of_the_decisions_that_stand_and_so_is_the_balance(
    payer: Context, claims: list[tuple[list[list[BenefitUse]], bool]]
) -> None:
    fresh = payer.acting_for(new_id())
    insured = await insure(fresh, fresh.principal.organization_id)
    expected: dict[str, tuple[Decimal, ...]] = {}
    for decisions, taken_back in claims:
        *before, last = [posting(insured, *uses) for uses in decisions]
        for one in before:
            await post_benefits(fresh, one)
            await reverse_benefits(fresh, ReverseBenefits(insured.payer, one.decision_id))
        await post_benefits(fresh, last)
        if taken_back:
            await reverse_benefits(fresh, ReverseBenefits(insured.payer, last.decision_id))
            continue
        for each in last.uses:
            figures = (each.amount, each.deductible, each.count, each.days)
            kept = expected.get(each.benefit, (Decimal(0),) * 4)
            expected[each.benefit] = tuple(map(sum, zip(kept, figures, strict=True)))
    expected = {benefit: figures for benefit, figures in expected.items() if any(figures)}
    assert await ledger_and_balances(fresh, insured) == (expected, expected)


async def test_the_application_cannot_rewrite_the_ledger(payer: Context, insured: Insured) -> None:
    await post_benefits(payer, posting(insured, use("dental", "10.00")))
    for statement in (
        "UPDATE policylinc.benefit_entry SET amount = 0",
        "DELETE FROM policylinc.benefit_entry",
        "UPDATE policylinc.posting SET entries = 0",
        "DELETE FROM policylinc.balance",
        "UPDATE policylinc.balance SET used = 0",
        "INSERT INTO policylinc.balance SELECT * FROM policylinc.balance",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with payer.transaction() as tx:
                await tx.execute(statement)


async def test_a_balance_below_zero_is_refused(payer: Context, insured: Insured) -> None:
    """Nobody takes back more than was used: not even who writes entries past the service."""
    posted = posting(insured, use("dental", "10.00"))
    await post_benefits(payer, posted)
    await reverse_benefits(payer, ReverseBenefits(insured.payer, posted.decision_id))
    again = """
    INSERT INTO policylinc.benefit_entry
    SELECT organization_id, $2, decision_id, kind, member_id, policy_year, benefit, amount, deductible, units, days
    FROM policylinc.benefit_entry WHERE decision_id = $1 AND kind = 'reversal'
    """
    with pytest.raises(asyncpg.CheckViolationError):
        async with payer.transaction() as tx:
            await tx.execute(again, posted.decision_id, new_id())


async def test_another_payer_sees_no_member(payer: Context, insured: Insured) -> None:
    other = payer.acting_for(new_id())
    with pytest.raises(MemberNotFound):
        await load_terms(other, terms_of(insured).__class__(new_id(), insured.member_id, date(2026, 3, 1)))
