"""The declaration of the agent."""

from masterlinc.agent import Agent, Permission, SealedColumn, Task
from policylinc.cli import add
from policylinc.config import Config
from policylinc.contract import (
    EnrolMember,
    FindCover,
    FoundCover,
    LoadTerms,
    LoadTermsOfDay,
    MemberEnrolled,
    PostBenefits,
    PostedBenefits,
    ReverseBenefits,
    Terms,
)
from policylinc.cover import find_cover
from policylinc.demo import demo
from policylinc.enrolment import enrol_unknown
from policylinc.ledger import load_terms, post_benefits, reverse_benefits
from policylinc.other_days import load_terms_of_day
from policylinc.routes import member_router, router, term_router
from policylinc.schemas import PolicyAnswer, PolicyQuestion
from policylinc.tables import TABLES
from policylinc.validation import validate_policy

agent = Agent(
    name="policylinc",
    title="PolicyLinc",
    title_ar="بوليصة لينك",
    version="0.1.0",
    kernel=">=0.1,<1",
    description="Policies, members and benefits: what is covered, what is used, who pays what.",
    description_ar="الوثائق والمستفيدون والمنافع: ما هو مغطى وما استُخدم ومن يدفع.",
    category="coverage",
    purpose="payment",
    requires=("authlinc",),
    optional=("doctorlinc",),
    config=Config,
    routers=(router, member_router, term_router),
    cli=(add,),
    tables=TABLES,
    capabilities=("policy_validation", "coverage", "benefit_ledger"),
    publishes=(MemberEnrolled,),
    sealed=(SealedColumn("member_identifier", "sealed", "member_identifier/{member_id}"),),
    permissions=(
        Permission("policy:read", "See policies and their use", "عرض الوثائق واستخدامها"),
        Permission("member:read", "See the members of one's own payer", "عرض مستفيدي الجهة الدافعة"),
        Permission("member:manage", "Add, change and end members by a file", "إضافة المستفيدين وتعديلهم وإنهاؤهم بملف"),
        Permission("policy:validate", "Ask whether a service is covered", "الاستعلام عن تغطية خدمة"),
        Permission("terms:read", "See products, networks, prices and rules", "عرض المنتجات والشبكات والأسعار والقواعد"),
        Permission("terms:propose", "Propose a change of terms", "اقتراح تغيير الشروط"),
        Permission("terms:approve", "Approve a change of terms that another proposed", "اعتماد تغيير اقترحه شخص آخر"),
    ),
    tasks=(
        Task(
            PolicyQuestion,
            PolicyAnswer,
            validate_policy,
            "Say whether a policy covers a service for a patient, and who pays what",
            "بيان ما إذا كانت الوثيقة تغطي خدمة لمريض ومن يدفع",
            permission="policy:validate",
            joins_transaction=True,
            name="validate",
            tool=True,
        ),
        # No tool: it tells of any identity number whether and where its holder is insured.
        Task(
            FindCover,
            FoundCover,
            find_cover,
            "Find a member's cover at a payer",
            "البحث عن تغطية مستفيد لدى جهة دافعة",
            permission="policy:validate",
            joins_transaction=True,
        ),
        Task(
            EnrolMember,
            FoundCover,
            enrol_unknown,
            "Enrol an unknown member, for demos",
            "تسجيل مستفيد غير معروف لأغراض العرض",
            joins_transaction=True,
        ),
        Task(
            LoadTerms,
            Terms,
            load_terms,
            "Lock a member's balances and read the terms",
            "قفل أرصدة المستفيد وقراءة الشروط",
            joins_transaction=True,
        ),
        Task(
            LoadTermsOfDay,
            Terms,
            load_terms_of_day,
            "Read what another day's versions grant",
            "قراءة ما تمنحه نسخ يوم آخر",
            joins_transaction=True,
        ),
        Task(
            PostBenefits,
            PostedBenefits,
            post_benefits,
            "Post a decision's use to the ledger",
            "ترحيل استخدام القرار إلى السجل",
            joins_transaction=True,
        ),
        Task(
            ReverseBenefits,
            PostedBenefits,
            reverse_benefits,
            "Take a decision's use back",
            "عكس استخدام القرار",
            joins_transaction=True,
        ),
    ),
    demo=demo,
)
