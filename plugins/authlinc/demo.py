"""The organizations and users of the demo data."""

from contextlib import suppress
from uuid import UUID

from authlinc.contract import DEMO_PAYERS, DEMO_PROVIDERS, LICENSE_SYSTEMS, FindOrganization, OrganizationKind
from authlinc.errors import EmailTaken
from authlinc.service.directory import License, NewOrganization, create_organization, find_organization
from authlinc.service.users import NewUser, create_user
from masterlinc.agent import DemoPlan
from masterlinc.context import Context
from masterlinc.demo import DOMAIN

_OPERATOR = "OPERATOR-DEMO"
_HOSPITAL = DEMO_PROVIDERS[0]

# licence, name, Arabic name, further licences
_PAYERS = (
    (DEMO_PAYERS[0], "Nakheel Demo Insurance", "النخيل للتأمين (تجريبي)", ()),
    (DEMO_PAYERS[1], "Exchange Trial Insurance", "تأمين تجارب الربط", ()),
    (DEMO_PAYERS[2], "Wadi Demo Insurance", "الوادي للتأمين (تجريبي)", ()),
)
_PROVIDERS = (
    (DEMO_PROVIDERS[0], "Nakheel Demo Hospital", "مستشفى النخيل (تجريبي)", ("1010613708",)),
    (DEMO_PROVIDERS[1], "Nakheel Demo Pharmacy", "صيدلية النخيل (تجريبية)", ("172612820",)),
    (DEMO_PROVIDERS[2], "Wadi Demo Dental Clinic", "عيادة الوادي للأسنان (تجريبية)", ("PR-FHIR",)),
    (DEMO_PROVIDERS[3], "Wadi Demo Optical Clinic", "عيادة الوادي للبصريات (تجريبية)", ()),
)
# mailbox, role, licence of the organization, name, Arabic name
_USERS = (
    ("admin", "admin", _HOSPITAL, "Amal Al-Harbi", "أمل الحربي"),
    ("doctor", "doctor", _HOSPITAL, "Dr. Khalid Al-Otaibi", "د. خالد العتيبي"),
    ("nurse", "nurse", _HOSPITAL, "Noura Al-Qahtani", "نورة القحطاني"),
    ("billing", "billing", _HOSPITAL, "Faisal Al-Ghamdi", "فيصل الغامدي"),
    ("payer", "adjudicator", DEMO_PAYERS[0], "Sara Al-Zahrani", "سارة الزهراني"),
    ("senior", "senior_adjudicator", DEMO_PAYERS[0], "Fahad Al-Shammari", "فهد الشمري"),
    ("researcher", "researcher", _OPERATOR, "Dr. Huda Al-Shehri", "د. هدى الشهري"),
    ("operator", "operator", _OPERATOR, "Majed Al-Dossari", "ماجد الدوسري"),
    ("auditor", "auditor", _OPERATOR, "Reem Al-Mutairi", "ريم المطيري"),
)


async def demo(ctx: Context, plan: DemoPlan) -> None:
    """Make the organizations and users that are not there yet."""
    homes: dict[str, UUID] = {}
    for kind, rows in ((OrganizationKind.PAYER, _PAYERS), (OrganizationKind.PROVIDER, _PROVIDERS)):
        for license_, name, name_ar, more in rows:
            licenses = tuple(License(LICENSE_SYSTEMS[kind], value) for value in (license_, *more))
            homes[license_] = await _organization(ctx, NewOrganization(kind, name, name_ar, licenses))
    operator = (License(LICENSE_SYSTEMS[OrganizationKind.OPERATOR], _OPERATOR),)
    homes[_OPERATOR] = await _organization(
        ctx, NewOrganization(OrganizationKind.OPERATOR, "Demo Operator", "مشغل العرض التجريبي", operator)
    )
    for mailbox, role, license_, name, name_ar in _USERS:
        user = NewUser(homes[license_], f"{mailbox}@{DOMAIN}", plan.password, name, name_ar, (role,))
        with suppress(EmailTaken):
            await create_user(ctx, user)
    plan.tell(f"{len(homes)} organizations, {len(_USERS)} users")


async def _organization(ctx: Context, new: NewOrganization) -> UUID:
    found = await find_organization(ctx, FindOrganization(new.licenses[0].value))
    info = found if found.found else await create_organization(ctx, new)
    assert info.organization_id is not None
    return info.organization_id
