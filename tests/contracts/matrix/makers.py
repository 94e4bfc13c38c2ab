"""Things of an organization, made by the product's own services."""

import json
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pyotp
from msgspec import structs
from peopled import CLERK, Peopled

from authlinc.contract import OrganizationKind
from authlinc.schemas import BreakGlassForm
from authlinc.service import api_keys, clients, factors
from authlinc.service.directory import NewOrganization, create_organization
from authlinc.service.emergency import open_access
from authlinc.service.sessions import Holder, open_session
from authlinc.service.users import NewUser, create_user
from claimlinc.contract import (
    ClaimEvent,
    ClaimStatus,
    ClaimSubmission,
    ClaimType,
    Coding,
    Cover,
    DecidedSubmission,
    DecideSubmission,
    Decision,
    Diagnosis,
    Identifier,
    Line,
    Outcome,
    RecordClaim,
    RecordedClaim,
    Subject,
    Use,
)
from claimlinc.errors import NothingDue
from claimlinc.payment_schemas import BatchForm
from claimlinc.remittance_schemas import BankFile, BankLineForm
from claimlinc.schemas import ClaimForm
from claimlinc.service import banking, cases, paying
from claimlinc.service.states import Role
from claimlinc.service.submitting import submit
from doctorlinc.schemas import PatientForm
from doctorlinc.service import register_patient
from masterlinc.clock import today
from masterlinc.identity import make_saudi_id
from masterlinc.ids import new_id, show
from masterlinc.money import ZERO, Money, Quantity
from masterlinc.routes import inbox
from masterlinc.routes.inbox import MessageForm
from masterlinc.routes.submitting import PREFIX, Asked
from masterlinc.routes.submitting import submit as start
from masterlinc.security.principal import Principal, service_principal
from masterlinc.wire import load
from masterlinc.workflow.form import Graph
from masterlinc.workflow.graph import compile_graph
from nphieslinc.service import submit_message
from policylinc.changes.proposals import propose
from policylinc.changes.reading import read_json
from policylinc.contract import EnrolMember, FoundCover
from policylinc.drafts import MemberDraft, PolicyDraft
from policylinc.packages import package_codes, package_product
from policylinc.service import create_policy, enrol_member

_EXAMPLE = Path(__file__).parents[3] / "docs/examples/claim-professional.json"
_GRAPH = load(
    '{"workflow_name": "matrix", "steps": [{"step_id": "only", "agent_id": "masterlinc", "action": "echo",'
    ' "input_data": {"message": "kept"}}]}',
    Graph,
)


async def claim(peopled: Peopled, maker: Principal) -> str:
    """A claim that is addressed to the first payer."""
    form = ClaimForm(
        patient_id=f"MRN-{new_id().hex[-8:]}",
        service_code="83600-00-10",
        amount=Money("200.00"),
        diagnosis_codes=("J06.9",),
        payer_id=peopled.payer_licenses[0],
    )
    answer = await submit(peopled.context("claimlinc", maker), form, None)
    return str(json.loads(answer.body)["claim_id"])


async def enrolled(peopled: Peopled, maker: Principal, payer: UUID | None = None) -> str:
    """The member number of somebody whom a payer, the first one, insures today."""
    ctx, payer, number = peopled.context("claimlinc", maker), payer or peopled.payers[0], f"M-{new_id().hex[-12:]}"
    day = today(peopled.running.services.clock)
    person = EnrolMember(payer, "Huda Alotaibi", date(1990, 1, 1), "female", number, (), day)
    await ctx.acting_for(payer).call(person, FoundCover)
    return number


async def _decided(peopled: Peopled, maker: Principal, payer: UUID, use: Use) -> Decision:
    """What a payer decided on a provider's submission."""
    ctx, day = peopled.context("claimlinc", maker), today(peopled.running.services.clock)
    there, number = ctx.acting_for(payer), await enrolled(peopled, maker, payer)
    code = Coding("http://nphies.sa/terminology/CodeSystem/services", "83600-00-10")
    line = Line(1, (code,), Quantity(1), Money("200.00"), Money("200.00"), ZERO, service_date=day)
    asked = ClaimSubmission(
        claim_type=ClaimType.PROFESSIONAL,
        use=use,
        identifier=Identifier("urn:matrix", new_id().hex),
        created=day,
        provider_license=None,
        payer_license=peopled.payer_licenses[peopled.payers.index(payer)],
        subject=Subject("Huda Alotaibi", date(1990, 1, 1), "female"),
        cover=Cover(member_id=number),
        lines=(line,),
        total=Money("200.00"),
        diagnoses=(Diagnosis(1, "J06.9", "principal"),),
    )
    await ctx.call(RecordClaim(asked), RecordedClaim)
    decide = DecideSubmission(payer, maker.organization_id, asked)
    decided = (await there.call(decide, DecidedSubmission)).decision
    assert decided.outcome in {Outcome.APPROVED, Outcome.PARTIAL}, decided.disposition
    return decided


async def authorization(peopled: Peopled, maker: Principal) -> str:
    """What the first payer granted of a request for a pre-authorization."""
    return str((await _decided(peopled, maker, peopled.payers[0], Use.PREAUTHORIZATION)).preauth_ref)


async def batch(peopled: Peopled, maker: Principal) -> str:
    """A draft of what a payer pays to the first provider."""
    return await _batch(peopled, peopled.maker(peopled.providers[0], CLERK), maker)


async def remittance(peopled: Peopled, maker: Principal) -> str:
    """A batch that the first payer sent to a provider."""
    payer = peopled.payers[0]
    number = await _batch(peopled, maker, peopled.maker(payer, CLERK))
    other = peopled.context("claimlinc", peopled.maker(payer, "another"))
    await paying.approve(other, number)
    await paying.send(other, number)
    return number


async def _batch(peopled: Peopled, provider: Principal, payer: Principal) -> str:
    """A draft; where somebody else's draft has taken the claim, with another claim."""
    form = BatchForm(show("ORG", provider.organization_id))
    while True:
        await _decided(peopled, provider, payer.organization_id, Use.CLAIM)
        with suppress(NothingDue):
            return (await paying.prepare(peopled.context("claimlinc", payer), form)).batch_id


async def bank_line(peopled: Peopled, maker: Principal) -> str:
    """A line of a provider's bank."""
    ctx, number = peopled.context("claimlinc", maker), new_id().hex
    day = today(peopled.running.services.clock).isoformat()
    await banking.bring_in(ctx, BankFile((BankLineForm(number, day, "10.00"),)))
    async with ctx.transaction() as tx:
        return show("BNK", await tx.fetchval("SELECT id FROM claimlinc.bank_line WHERE transaction_id = $1", number))


async def review(peopled: Peopled, maker: Principal) -> str:
    """A case of the payer's people on a claim that the rules decided."""
    payer, day = maker.organization_id, today(peopled.running.services.clock)
    ctx = peopled.context("claimlinc", service_principal("claimlinc", frozenset({payer})))
    code = Coding("http://nphies.sa/terminology/CodeSystem/services", "83600-00-10")
    made = ClaimSubmission(
        claim_type=ClaimType.PROFESSIONAL,
        use=Use.CLAIM,
        identifier=Identifier("urn:matrix", new_id().hex),
        created=day,
        provider_license="10000000000011",
        payer_license=None,
        subject=Subject("Huda Alotaibi", date(1990, 1, 1), "female"),
        cover=Cover(member_id=f"M-{new_id().hex[-12:]}"),
        lines=(Line(1, (code,), Quantity(1), Money("200.00"), Money("200.00"), ZERO, service_date=day),),
        total=Money("200.00"),
    )
    decided = await ctx.call(DecideSubmission(payer, None, made), DecidedSubmission)
    async with ctx.transaction() as tx:
        case = await cases.open_again(ctx, tx, payer, decided.decision_id, "reopened")
        case = structs.replace(case, state=ClaimStatus.PENDED)
        await cases.move(ctx, tx, case, cases.Step(ClaimEvent.REOPEN, Role.REVIEWER))
    return case.reference


async def patient(peopled: Peopled, maker: Principal) -> str:
    """A registered patient."""
    form = PatientForm(
        name="Huda Alotaibi",
        name_ar="هدى العتيبي",
        date_of_birth=date(1990, 1, 1),
        gender="female",
        national_id=make_saudi_id("national_id", new_id().int % 10**8),
        contact_phone="+966551234567",
    )
    return (await register_patient(peopled.context("doctorlinc", maker), form)).patient_id


async def policy(peopled: Peopled, maker: Principal) -> str:
    """A policy of a payer."""
    number, year = f"P-{new_id().hex[-12:]}".upper(), peopled.running.services.clock.now().year
    product = package_product(next(iter(package_codes())), date(year, 1, 1))
    draft = PolicyDraft(
        policy_number=number,
        product=product.code,
        policy_class=product.classes[0].policy_class,
        holder="A company",
        effective_date=date(year, 1, 1),
        expiry_date=date(year, 12, 31),
    )
    await create_policy(peopled.context("policylinc", maker), maker.organization_id, draft)
    return number


async def proposal(peopled: Peopled, maker: Principal) -> str:
    """A change of terms that somebody of a payer proposed."""
    day = today(peopled.running.services.clock) + timedelta(days=1 + new_id().int % 3000)
    document = {"kind": "payer", "effective_from": day.isoformat()}
    read = read_json(json.dumps(document).encode())
    made = await propose(peopled.context("policylinc", maker), read, "the matrix asks", backdated=False)
    return made.proposals[0].proposal_id


async def member(peopled: Peopled, maker: Principal) -> str:
    """A member of a payer's policy."""
    number = await policy(peopled, maker)
    draft = MemberDraft(policy_number=number, member_number=f"M-{new_id().hex[-12:]}", name="Huda Alotaibi")
    return show("MBR", await enrol_member(peopled.context("policylinc", maker), maker.organization_id, draft))


async def api_key(peopled: Peopled, maker: Principal) -> str:
    """A key of the organization's machine."""
    key, _ = await api_keys.create(peopled.context("authlinc", maker), "A machine", ["agent:read"], None)
    return show("APK", key.id)


async def client(peopled: Peopled, maker: Principal) -> str:
    """An OAuth 2 client of the organization's machine."""
    asked = clients.ClientTerms("A machine", ["agent:read"])
    made, _ = await clients.create(peopled.context("authlinc", maker), asked)
    return show("CLI", made.id)


async def user(peopled: Peopled, maker: Principal) -> str:
    """A user of the organization, with a second factor and a role that every kind of organization gives."""
    ctx, home = peopled.context("authlinc", maker), maker.organization_id
    new = NewUser(
        home, f"{new_id().hex}@matrix.example", "one pass phrase for every user", "Nora", "نورة", ("auditor",)
    )
    made = await create_user(ctx, new)
    async with ctx.transaction() as transaction:
        shown = await factors.put_factor(ctx, transaction, home, await factors.load_holder(transaction, home, made))
        code = pyotp.TOTP(shown.secret).at(ctx.clock.now())
        holder = await factors.load_holder(transaction, home, made)
        assert await factors.confirm_factor(ctx, transaction, home, holder, code)
    return show("USR", made)


async def workflow(peopled: Peopled, maker: Principal) -> str:
    """A workflow that a user started."""
    ctx = peopled.context("masterlinc", maker)
    plan = compile_graph(_GRAPH, ctx.services.registry, ctx.principal)
    made = await ctx.run(lambda transaction: start(ctx, transaction, plan, Asked("matrix")))
    return show(PREFIX, made.id)


async def message(peopled: Peopled, maker: Principal) -> str:
    """A message in an inbox that no task handles."""
    form = load('{"sender_id": "claimlinc", "receiver_id": "policylinc", "message_type": "note"}', MessageForm)
    sent, _ = await inbox.send(peopled.context("masterlinc", maker), form)
    return sent.message_id


async def nphies_message(peopled: Peopled, maker: Principal) -> str:
    """A stored message of the exchange."""
    bundle = json.loads(_EXAMPLE.read_bytes())
    header = bundle["entry"][0]
    bundle["id"], header["resource"]["id"] = str(uuid4()), str(uuid4())
    header["fullUrl"] = f"urn:uuid:{header['resource']['id']}"
    asked = next(one["resource"] for one in bundle["entry"] if one["resource"]["resourceType"] == "Claim")
    asked["identifier"][0]["value"] = f"REQ-{new_id().hex[-12:]}"
    taken, _ = await submit_message(peopled.context("nphieslinc", maker), json.dumps(bundle).encode())
    return taken.message_id


async def organization(peopled: Peopled, _: Principal) -> str:
    """An organization of the directory."""
    ctx = peopled.context("authlinc", service_principal("authlinc", frozenset()))
    made = await create_organization(ctx, NewOrganization(OrganizationKind.PROVIDER, "A clinic", "عيادة"))
    assert made.organization_id is not None
    return show("ORG", made.organization_id)


async def session(peopled: Peopled, maker: Principal) -> str:
    """An open session of the maker."""
    holder = Holder(maker.organization_id, maker.user_id, "", ("nurse",))
    ctx = peopled.context("authlinc", maker)
    async with ctx.transaction() as transaction:
        key, _ = await open_session(ctx, transaction, holder, "password")
    return show("SES", key)


async def emergency(peopled: Peopled, maker: Principal) -> str:
    """An open emergency access of the maker, to a hospital's records that nobody else has asked for."""
    form = BreakGlassForm(reason="the matrix asks", organization_id=await organization(peopled, maker))
    return (await open_access(peopled.context("authlinc", maker), form)).grant_id
