"""Claims and pre-authorizations: recorded once, followed step by step, decided with reasons."""

from claimlinc import cli, cli_ageing, cli_rules
from claimlinc.config import ClaimlincConfig
from claimlinc.contract import (
    AuthorizationOverdue,
    BatchSent,
    BatchSettled,
    CaseMoved,
    ClaimAppealed,
    ClaimCancelled,
    ClaimDecided,
    ClaimReplaced,
    ClaimSubmitted,
)
from claimlinc.demo import demo
from claimlinc.routes import authorization_router, review_router, router
from claimlinc.service.telling import tell_provider
from claimlinc.service.workflow import AUTHORIZATION, AUTHORIZATION_CLOCK, CLAIM, RESEARCH
from claimlinc.tasks import TASKS
from masterlinc.agent import Agent, Permission, Schedule, SealedColumn, Subscription

agent = Agent(
    name="claimlinc",
    title="ClaimLinc",
    title_ar="كليم لينك",
    version="0.1.0",
    kernel=">=0.1,<1",
    description="Claims and pre-authorizations: taken, checked, followed step by step and decided with reasons.",
    description_ar="المطالبات والموافقات المسبقة: استلامها والتحقق منها ومتابعتها واتخاذ القرار فيها مع الأسباب.",
    category="claims",
    purpose="payment",
    capabilities=("claim_processing", "claim_validation", "adjudication"),
    requires=("authlinc", "policylinc", "sbslinc"),
    optional=("doctorlinc",),
    config=ClaimlincConfig,
    routers=(router, authorization_router, review_router),
    publishes=(
        ClaimSubmitted,
        ClaimDecided,
        AuthorizationOverdue,
        ClaimReplaced,
        ClaimCancelled,
        CaseMoved,
        ClaimAppealed,
        BatchSent,
        BatchSettled,
    ),
    subscribes=(Subscription("tell_provider", CaseMoved, tell_provider),),
    tasks=TASKS,
    demo=demo,
    cli=(cli.add, cli_rules.add, cli_ageing.add),
    workflows=(CLAIM, RESEARCH, AUTHORIZATION, AUTHORIZATION_CLOCK),
    schedules=(Schedule("research", "45 3 * * *", RESEARCH.name),),
    sealed=(
        SealedColumn("claim", "submission", "claim.submission/{id}"),
        SealedColumn("claim_attachment", "sealed", "claim.attachment/{claim_id}/{position}"),
        SealedColumn("review_step", "said", "claim.review/{case_id}/{number}"),
        SealedColumn("decision_basis", "submission", "claim.submission/{decision_id}"),
    ),
    permissions=(
        Permission("claim:submit", "Submit claims", "تقديم المطالبات"),
        Permission("claim:cancel", "Cancel claims", "إلغاء المطالبات"),
        Permission("claim:read", "See claims and their decisions", "عرض المطالبات وقراراتها"),
        Permission(
            "adjudication:simulate", "Decide past claims on other terms, to see", "محاكاة القرارات على شروط أخرى"
        ),
        Permission("claim:appeal", "Appeal, and answer questions", "الاعتراض والرد على أسئلة الجهة الدافعة"),
        Permission("claim:review", "Decide claims that wait for a person", "البت في المطالبات المعلقة"),
        Permission("claim:review_second", "Agree to what another person decided", "اعتماد قرار مراجع آخر"),
        Permission("claim:override", "Set cover, price and limits aside", "تجاوز التغطية والسعر والحدود"),
        Permission("claim:review_terms", "Say how a payer's people decide", "تحديد شروط المراجعة لدى الجهة الدافعة"),
        Permission("payment:read", "See payment batches", "عرض دفعات السداد"),
        Permission("payment:prepare", "Make and give up payment batches", "إعداد دفعات السداد وسحبها"),
        Permission(
            "payment:approve", "Approve, send and settle payment batches", "اعتماد دفعات السداد وإرسالها وتسويتها"
        ),
        Permission("remittance:read", "See remittances", "عرض إشعارات السداد"),
        Permission("remittance:match", "Import bank lines and match them", "استيراد حركات البنك ومطابقتها"),
        Permission("ageing:read", "See how long claims wait", "عرض أعمار المطالبات"),
        Permission("research:read", "See groups of claims without persons", "عرض مجموعات المطالبات دون بيانات أشخاص"),
    ),
)
