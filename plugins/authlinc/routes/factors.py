"""`/api/v1/auth/second-factor` and the second step of a sign-in."""

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from authlinc.factor_schemas import (
    ChallengeRequest,
    CodeRequest,
    Enrolled,
    EnrolRequest,
    FactorStanding,
    RecoveryCodes,
    SecondStepRequest,
)
from authlinc.routes.session import signed_in
from authlinc.schemas import SignedIn
from authlinc.service import challenges, second_factor
from authlinc.service.factors import Enrolment
from masterlinc import ids
from masterlinc.context import Context


@post(
    "/login/second-factor",
    opt={"public": "the challenge and the code in the body are the credential"},
    status_code=200,
    summary="Finish signing in with a code",
)
async def second_step(data: JSONBody[SecondStepRequest], ctx: NamedDependency[Context]) -> SignedIn:
    """Open the session that waits for a code of the authenticator, or a recovery code."""
    return signed_in(await challenges.answer(ctx, data.challenge, data.code))


@post(
    "/login/second-factor/enrol",
    opt={"public": "the challenge in the body is the credential"},
    status_code=200,
    summary="Set up the second factor that a role asks for, while signing in",
)
async def enrol_at_login(data: JSONBody[ChallengeRequest], ctx: NamedDependency[Context]) -> Enrolled:
    """Return a secret and recovery codes, once; a code of the secret then finishes signing in."""
    return _enrolled(await challenges.enrol(ctx, data.challenge))


@get("/second-factor", opt={"permission": "session:own"}, summary="Show whether one has a second factor")
async def standing(ctx: NamedDependency[Context]) -> FactorStanding:
    """Return how the caller stands."""
    found = await second_factor.standing(ctx)
    return FactorStanding(found.enrolled, found.required, found.enrolled_at, found.recovery_codes_left)


@post("/second-factor", opt={"permission": "session:own"}, status_code=200, summary="Set up one's second factor")
async def enrol(data: JSONBody[EnrolRequest], ctx: NamedDependency[Context]) -> Enrolled:
    """Return a secret and recovery codes, once; in force when a code of the secret is confirmed."""
    return _enrolled(await second_factor.enrol(ctx, data.password))


@post(
    "/second-factor/confirm",
    opt={"permission": "session:own"},
    status_code=204,
    summary="Put one's second factor in force with a code",
)
async def confirm(data: JSONBody[CodeRequest], ctx: NamedDependency[Context]) -> None:
    """Put the new secret in force; other sessions of the user end."""
    await second_factor.confirm(ctx, data.code)


@post(
    "/second-factor/disable",
    opt={"permission": "session:own"},
    status_code=204,
    summary="Take one's second factor away with a code",
)
async def disable(data: JSONBody[CodeRequest], ctx: NamedDependency[Context]) -> None:
    """Take the factor away; other sessions of the user end."""
    await second_factor.disable(ctx, data.code)


@post(
    "/second-factor/recovery-codes",
    opt={"permission": "session:own"},
    status_code=200,
    summary="Replace one's recovery codes with a code",
)
async def renew_codes(data: JSONBody[CodeRequest], ctx: NamedDependency[Context]) -> RecoveryCodes:
    """Return new recovery codes, once; the old ones work no more."""
    return RecoveryCodes(await second_factor.renew_codes(ctx, data.code))


@delete(
    "/users/{user:str}/second-factor",
    opt={"permission": "factor:reset"},
    summary="Take a lost second factor away from a user",
)
async def reset(user: FromPath[str], ctx: NamedDependency[Context]) -> None:
    """Take the factor of a user of the own organization away; what they are signed in to ends."""
    await second_factor.reset(ctx, ids.parse("USR", user))


def _enrolled(made: Enrolment) -> Enrolled:
    return Enrolled(made.secret, made.otpauth_url, made.recovery_codes)


HANDLERS = [second_step, enrol_at_login, standing, enrol, confirm, disable, renew_codes]
USER_HANDLERS = [reset]
