"""The NPHIES bridge: messages in and out, their rules, the exchange, and the simulator."""

from masterlinc.agent import Agent, Permission, SealedColumn, StepDone, StepInput, Task
from nphieslinc import cli, cli_validate
from nphieslinc.config import Config
from nphieslinc.contract import MessageStored
from nphieslinc.exchange import record_answer, submit_claim
from nphieslinc.routes import router

agent = Agent(
    name="nphieslinc",
    title="NphiesLinc",
    title_ar="نفيس لينك",
    version="0.1.0",
    kernel=">=0.1,<1",
    description="The exchange with NPHIES: messages read, written, checked and sent.",
    description_ar="التبادل مع منصة نفيس: قراءة الرسائل وكتابتها والتحقق منها وإرسالها.",
    category="exchange",
    purpose="payment",
    requires=("authlinc", "policylinc", "claimlinc"),
    capabilities=("nphies_exchange",),
    config=Config,
    routers=(router,),
    publishes=(MessageStored,),
    tasks=(
        Task(
            StepInput,
            StepDone,
            submit_claim,
            "Send a claim to NPHIES and store the raw answer",
            "إرسال المطالبة إلى نفيس وحفظ الإجابة كما وردت",
            name="submit_claim",
        ),
        Task(
            StepInput,
            StepDone,
            record_answer,
            "Read the stored answer to a claim and record it",
            "قراءة الإجابة المحفوظة وتسجيلها على المطالبة",
            joins_transaction=True,
            name="record_answer",
        ),
    ),
    sealed=(
        SealedColumn("message", "body", "nphieslinc.message/{id}"),
        SealedColumn("simulator_inbox", "answer", "nphieslinc.simulator_inbox/{id}"),
    ),
    permissions=(
        Permission("nphies:submit", "Submit NPHIES messages", "إرسال رسائل نفيس"),
        Permission("nphies:read", "See NPHIES messages", "عرض رسائل نفيس"),
    ),
    cli=(cli.add, cli_validate.add),
)
