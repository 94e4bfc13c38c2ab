"""The declaration of authlinc."""

from authlinc import cli, contract, routes
from authlinc.config import Config
from authlinc.demo import demo
from authlinc.lifespan import lifespan
from authlinc.service.colleagues import ask_colleague
from authlinc.service.directory import find_organization, load_organization
from authlinc.service.key_ring import PREFIX as API_KEY
from authlinc.service.key_watch import verify
from authlinc.service.mailing import WORKFLOW, send_password_link
from authlinc.tables import TABLES
from masterlinc.agent import Agent, Credential, Permission, SealedColumn, StepDone, StepInput, Task
from masterlinc.security.principal import NOBODY

agent = Agent(
    name="authlinc",
    title="AuthLinc",
    title_ar="أوث لينك",
    version="0.1.0",
    kernel=">=0.1,<1",
    description="Users, organizations and who they are: signing in, tokens, the directory of providers and payers.",
    description_ar="المستخدمون والمنشآت وهوياتهم: تسجيل الدخول والرموز ودليل مقدمي الخدمة والجهات الدافعة.",
    category="identity",
    purpose="operations",
    capabilities=("authentication", "authorization"),
    config=Config,
    routers=routes.routers,
    tables=TABLES,
    root_routers=routes.root_routers,
    publishes=(
        contract.UserLoggedIn,
        contract.SessionRevoked,
        contract.SessionReused,
        contract.LoginAttacked,
        contract.BreakGlassOpened,
        contract.SecondFactorReset,
    ),
    tasks=(
        Task(
            StepInput,
            StepDone,
            send_password_link,
            "Send the mail of an invitation or a forgotten password",
            "إرسال رسالة الدعوة أو استعادة كلمة المرور",
            name="send_password_link",
        ),
        Task(
            contract.FindOrganization,
            contract.OrganizationInfo,
            find_organization,
            "Find an organization by ORG- number or licence",
            "البحث عن منشأة برقم ORG أو برقم الترخيص",
            permission="organization:read",
            joins_transaction=True,
            tool=True,
        ),
        Task(
            contract.LoadOrganization,
            contract.OrganizationInfo,
            load_organization,
            "Load an organization by its key",
            "عرض منشأة بمعرفها",
            permission="organization:read",
            joins_transaction=True,
            tool=True,
        ),
        Task(
            contract.AskColleague,
            contract.Colleague,
            ask_colleague,
            "Say whether a user of the organization may do something",
            "بيان ما إذا كان لمستخدم في المنشأة صلاحية معينة",
            joins_transaction=True,
        ),
    ),
    sealed=(
        SealedColumn("user_account", "email", "authlinc.user.email/{id}"),
        SealedColumn("second_factor", "secret", "authlinc.second_factor/{user_id}"),
        SealedColumn("emergency_access", "reason", "authlinc.emergency_access.reason/{id}"),
        SealedColumn("signing_key", "sealed", "authlinc.signing_key/{kid}", NOBODY),
    ),
    workflows=(WORKFLOW,),
    permissions=(
        Permission("session:own", "See and end one's own session", "عرض الجلسة الخاصة وإنهاؤها"),
        Permission("account:own", "Change one's own names and password", "تعديل الاسم وكلمة المرور الخاصة"),
        Permission("organization:read", "See the directory of organizations", "عرض دليل المنشآت"),
        Permission(
            "api_key:manage", "Make, rotate and revoke API keys and OAuth 2 clients", "إدارة مفاتيح API وعملاء OAuth 2"
        ),
        Permission(
            "factor:reset", "Take a lost second factor away from a user", "إلغاء عامل التحقق الثاني المفقود لمستخدم"
        ),
        Permission("organization:manage", "Make, change and disable organizations", "إضافة المنشآت وتعديلها وتعطيلها"),
        Permission("user:read", "See the organization's users and their sessions", "عرض مستخدمي المنشأة وجلساتهم"),
        Permission("user:manage", "Make, change and disable users", "إضافة المستخدمين وتعديلهم وتعطيلهم"),
        Permission("role:read", "See the roles and what they grant", "عرض الأدوار وصلاحياتها"),
        Permission("access:break_glass", "Open records in an emergency", "فتح السجلات في حالات الطوارئ"),
        Permission("access:review", "See who used emergency access", "عرض من استخدم الوصول الطارئ"),
    ),
    credentials=(Credential(API_KEY, verify),),
    lifespan=lifespan,
    demo=demo,
    cli=(cli.add,),
)
