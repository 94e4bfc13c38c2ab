"""Search in the audit, its export, and shipping it to a SIEM."""

from auditlinc.config import Config
from auditlinc.lifespan import lifespan
from auditlinc.routes import router
from auditlinc.shipping.health import health
from masterlinc.agent import Agent, Permission, SealedColumn

agent = Agent(
    name="auditlinc",
    title="AuditLinc",
    title_ar="أوديت لينك",
    version="0.1.0",
    kernel=">=0.1,<1",
    description="The audit: who saw and changed what, searched, exported, and shipped to a SIEM.",
    description_ar="سجل التدقيق: من اطلع على ماذا ومن غيّره، مع البحث والتصدير والإرسال إلى نظام SIEM.",
    category="audit",
    purpose="operations",
    requires=("authlinc",),
    capabilities=("audit_search", "audit_export"),
    config=Config,
    sealed=(SealedColumn("reported", "sealed", "auditlinc.reported/{event_id}"),),
    routers=(router,),
    permissions=(
        Permission("audit:read", "Search the audit", "البحث في سجل التدقيق"),
        Permission("audit:log", "Report events of another system to the audit", "تسجيل أحداث نظام آخر في سجل التدقيق"),
    ),
    health=health,
    lifespan=lifespan,
)
