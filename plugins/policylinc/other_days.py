"""What a policy would grant if the product's versions of another day held: for a what-if, so nothing is locked."""

from masterlinc.context import Context
from policylinc.contract import LoadTermsOfDay, Terms
from policylinc.errors import MemberNotFound
from policylinc.term_rows import read_term_rows
from policylinc.terms import build_terms
from policylinc.usage import NO_USE


async def load_terms_of_day(ctx: Context, request: LoadTermsOfDay) -> Terms:
    """Read the versions in force on a day, without prices and without what anybody has used."""
    payer = request.payer_organization_id
    async with ctx.transaction(frozenset({payer})) as tx:
        rows = await read_term_rows(tx, (payer, request.member_id), request.day, request.provider_organization_id, ())
    if rows is None:
        raise MemberNotFound
    return build_terms(rows, request.day, NO_USE)
