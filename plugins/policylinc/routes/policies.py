"""The routes: `/api/v1/policies`."""

from litestar import Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from masterlinc.context import Context
from policylinc.coverage import policy_coverage
from policylinc.schemas import EligibilityAnswer, EligibilityQuestion, PolicyAnswer, PolicyCoverage, PolicyQuestion
from policylinc.validation import check_eligibility, validate_policy


@post("/validate", status_code=200, opt={"permission": "policy:validate"}, summary="Is a service covered?")
async def validate(data: JSONBody[PolicyQuestion], ctx: NamedDependency[Context]) -> PolicyAnswer:
    """Answer whether a policy covers a service for a patient, and who pays what."""
    return await validate_policy(ctx, data)


@post("/eligibility", status_code=200, opt={"permission": "policy:validate"}, summary="Are services covered?")
async def eligibility(data: JSONBody[EligibilityQuestion], ctx: NamedDependency[Context]) -> EligibilityAnswer:
    """Answer for up to 100 services of a patient on one day, each as if it were the only one."""
    return await check_eligibility(ctx, data)


@get("/{policy_number:str}/coverage", opt={"permission": "policy:read"}, summary="What a policy covers")
async def coverage(
    policy_number: FromPath[str],
    ctx: NamedDependency[Context],
    member: FromQuery[str | None] = None,
) -> PolicyCoverage:
    """Return a policy's limits and use in its year; `member` narrows it to one member."""
    return await policy_coverage(ctx, policy_number, member)


router = Router("/policies", route_handlers=[validate, eligibility, coverage])
