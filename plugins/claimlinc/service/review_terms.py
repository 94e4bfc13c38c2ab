"""How a payer's people work, as dated data: what one person may decide, and the times for appeals and answers."""

from collections.abc import Iterator

from claimlinc import review_terms_queries as queries
from claimlinc.errors import ReviewTermsTaken
from claimlinc.review_schemas import ReviewTermsForm, ReviewTermsList, ReviewTermsView
from claimlinc.service import cases
from claimlinc.service.checking import LAST_DAY, fault
from masterlinc.clock import today
from masterlinc.context import Context
from masterlinc.errors import FieldError, Invalid
from masterlinc.money import Money

_MOST_DAYS, _MOST_HOURS = 3650, 8760


async def list_terms(ctx: Context) -> ReviewTermsList:
    """Return the terms of review of the caller's payer, the latest first, and those of today."""
    payer, day = ctx.principal.organization_id, today(ctx.clock)
    async with ctx.transaction() as tx:
        rows = [queries.Terms(*row) for row in await queries.all_terms(tx, payer)]
        now = await cases.terms_on(ctx, tx, payer, day)
    own = any(one.effective_from <= day for one in rows)
    return ReviewTermsList(_view(now, dated=own), [_view(one) for one in rows])


async def add_terms(ctx: Context, form: ReviewTermsForm) -> ReviewTermsView:
    """Add terms of review from a later day on; raises ReviewTermsTaken."""
    faults = list(_faults(ctx, form))
    if faults:
        raise Invalid(errors=faults)
    payer = ctx.principal.organization_id
    terms = queries.Terms(form.effective_from, form.alone_up_to, form.appeal_days, form.answer_hours)
    async with ctx.transaction() as tx:
        if not await queries.add_terms(tx, (payer, *terms, ctx.principal.user_id, ctx.clock.now())):
            raise ReviewTermsTaken
        tx.audit(
            "review.terms",
            "review_terms",
            str(form.effective_from),
            organization_id=payer,
            detail={name: str(getattr(terms, name)) for name in terms._fields},
        )
    return _view(terms)


def _faults(ctx: Context, form: ReviewTermsForm) -> Iterator[FieldError]:
    if not today(ctx.clock) < form.effective_from <= LAST_DAY:
        words = "A day after today is wanted: nothing is changed for what was decided", "المطلوب يوم بعد اليوم"
        yield fault("effective_from", "range", *words)
    for name, most in (("appeal_days", _MOST_DAYS), ("answer_hours", _MOST_HOURS)):
        if not 1 <= getattr(form, name) <= most:
            yield fault(name, "range", f"From 1 to {most} is wanted", f"المطلوب من 1 إلى {most}")


def _view(terms: queries.Terms, *, dated: bool = True) -> ReviewTermsView:
    return ReviewTermsView(
        effective_from=terms.effective_from if dated else None,
        alone_up_to=Money(terms.alone_up_to),
        appeal_days=terms.appeal_days,
        answer_hours=terms.answer_hours,
    )
