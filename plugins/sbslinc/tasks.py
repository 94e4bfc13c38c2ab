"""The commands that workflows, other agents and /execute run."""

from masterlinc.agent import Task
from sbslinc.contract import (
    ApplyFinancialRules,
    FinancialResult,
    MapFacilityCode,
    MappedFacilityCode,
    NormalizeCodes,
    NormalizedCodes,
    SignDocument,
    SignedDocument,
    VerifiedDocument,
    VerifyDocument,
)
from sbslinc.financial import apply_financial_rules
from sbslinc.normalization import map_facility_code, normalize_codes
from sbslinc.signing import sign_document, verify_document

TASKS = (
    Task(
        NormalizeCodes,
        NormalizedCodes,
        normalize_codes,
        "Translate a claim's codes to the exchange's code systems",
        "تحويل رموز المطالبة إلى أنظمة الترميز المعتمدة",
        permission="code:read",
        joins_transaction=True,
        tool=True,
    ),
    Task(
        MapFacilityCode,
        MappedFacilityCode,
        map_facility_code,
        "Keep a facility's own translation of a code",
        "حفظ مقابل رمز المنشأة في أنظمة الترميز المعتمدة",
        permission="code:map",
        joins_transaction=True,
    ),
    Task(
        ApplyFinancialRules,
        FinancialResult,
        apply_financial_rules,
        "Check a claim's arithmetic",
        "التحقق من حسابات المطالبة",
        permission="code:read",
        joins_transaction=True,
        tool=True,
    ),
    Task(
        SignDocument,
        SignedDocument,
        sign_document,
        "Sign a document with the organization's key",
        "توقيع مستند بمفتاح المنشأة",
        permission="document:sign",
        joins_transaction=True,
    ),
    Task(
        VerifyDocument,
        VerifiedDocument,
        verify_document,
        "Check a signature",
        "التحقق من توقيع",
        permission="code:read",
        joins_transaction=True,
        tool=True,
    ),
)
