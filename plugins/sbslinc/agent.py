"""Code systems, financial rules and signatures."""

from masterlinc.agent import Agent, Permission, SealedColumn
from sbslinc.routes import router
from sbslinc.tasks import TASKS

agent = Agent(
    name="sbslinc",
    title="SbsLinc",
    title_ar="إس بي إس لينك",
    version="0.1.0",
    kernel=">=0.1,<1",
    description="Codes, arithmetic and signatures: service codes normalised, figures checked, documents signed.",
    description_ar="الرموز والحسابات والتواقيع: توحيد رموز الخدمات والتحقق من المبالغ وتوقيع المستندات.",
    category="coding",
    purpose="payment",
    capabilities=("code_normalization", "financial_rules", "document_signing"),
    routers=(router,),
    tasks=TASKS,
    sealed=(SealedColumn("signing_key", "private_key", "signing_key/{id}"),),
    permissions=(
        Permission(
            "code:read", "Normalise codes, check figures and signatures", "تحويل الرموز والتحقق من الحسابات والتواقيع"
        ),
        Permission("code:map", "Keep the facility's own translations of codes", "حفظ مقابلات رموز المنشأة"),
        Permission("document:sign", "Sign documents with the organization's key", "توقيع المستندات بمفتاح المنشأة"),
    ),
)
