"""Codes, figures and signatures over HTTP."""

from litestar import Router, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from masterlinc.context import Context
from sbslinc.contract import (
    ApplyFinancialRules,
    CodeToNormalize,
    FinancialLine,
    FinancialResult,
    NormalizeCodes,
    NormalizedCodes,
    SignDocument,
    SignedDocument,
    VerifiedDocument,
    VerifyDocument,
)
from sbslinc.financial import apply_financial_rules
from sbslinc.normalization import normalize_codes
from sbslinc.schemas import NormalizeForm, RulesForm, SignForm, VerifyForm
from sbslinc.signing import sign_document, verify_document


@post("/claims/normalize", opt={"permission": "code:read"}, status_code=200, summary="Normalise codes")
async def normalize(data: JSONBody[NormalizeForm], ctx: NamedDependency[Context]) -> NormalizedCodes:
    """Translate a provider's codes to the exchange's, with where each came from and how sure that is."""
    codes = tuple(CodeToNormalize(one.sequence, one.system, one.code, one.display) for one in data.codes)
    return await normalize_codes(ctx, NormalizeCodes(ctx.principal.organization_id, data.claim_type, codes))


@post("/rules/apply", opt={"permission": "code:read"}, status_code=200, summary="Check a claim's arithmetic")
async def apply_rules(data: JSONBody[RulesForm], ctx: NamedDependency[Context]) -> FinancialResult:
    """Check lines and total by the exchange's rules; each fault carries its rule."""
    lines = tuple(
        FinancialLine(one.sequence, one.quantity, one.unit_price, one.factor, one.tax, one.net) for one in data.lines
    )
    return await apply_financial_rules(ctx, ApplyFinancialRules(lines, data.total))


@post("/documents/sign", opt={"permission": "document:sign"}, status_code=200, summary="Sign a document")
async def sign(data: JSONBody[SignForm], ctx: NamedDependency[Context]) -> SignedDocument:
    """Sign any JSON with the key of the caller's organization."""
    return await sign_document(ctx, SignDocument(ctx.principal.organization_id, bytes(data.payload).decode()))


@post("/documents/verify", opt={"permission": "code:read"}, status_code=200, summary="Check a signature")
async def verify(data: JSONBody[VerifyForm], ctx: NamedDependency[Context]) -> VerifiedDocument:
    """Say whether a signature was made over this document."""
    organization = data.organization_id or ctx.principal.organization_id
    request = VerifyDocument(organization, bytes(data.payload).decode(), data.signature, data.key_id)
    return await verify_document(ctx, request)


router = Router("/", route_handlers=[normalize, apply_rules, sign, verify])
