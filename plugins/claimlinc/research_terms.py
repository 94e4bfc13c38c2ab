"""The words of research: into what claims are grouped, in both languages."""

from collections.abc import Mapping
from datetime import date

from msgspec import Struct

# By its first year: what a band of ages is called in both languages. The oldest are together, since they are few.
BANDS: Mapping[int, str] = {0: "0-17", 18: "18-29", 30: "30-44", 45: "45-59", 60: "60-74", 75: "75-89", 90: "90+"}


class Term(Struct, frozen=True):
    """What a code is called."""

    title: str
    title_ar: str


GENDERS: Mapping[str, Term] = {
    "male": Term("Male", "ذكر"),
    "female": Term("Female", "أنثى"),
    "other": Term("Other", "آخر"),
    "unknown": Term("Unknown", "غير معروف"),
}
CLAIM_TYPES: Mapping[str, Term] = {
    "institutional": Term("Institutional", "تنويم ومنشآت"),
    "oral": Term("Dental", "أسنان"),
    "pharmacy": Term("Pharmacy", "صيدلية"),
    "professional": Term("Professional", "عيادات"),
    "vision": Term("Vision", "بصريات"),
}
# Of the line that cost most, by its code system on the exchange.
SERVICE_GROUPS: Mapping[str, Term] = {
    "services": Term("Services and consultations", "الخدمات والاستشارات"),
    "procedures": Term("Procedures", "الإجراءات"),
    "imaging": Term("Imaging", "الأشعة"),
    "laboratory": Term("Laboratory", "المختبر"),
    "oral-health-op": Term("Dental care, outpatient", "علاج الأسنان في العيادات"),
    "oral-health-ip": Term("Dental care, inpatient", "علاج الأسنان للمنومين"),
    "medication-codes": Term("Medicines", "الأدوية"),
    "medical-devices": Term("Medical devices", "الأجهزة الطبية"),
    "transportation-srca": Term("Ambulance", "الإسعاف"),
    "other": Term("Other", "أخرى"),
}
# Of the principal diagnosis: the chapters of ICD-10.
CHAPTERS: Mapping[str, Term] = {
    "I": Term("Infectious and parasitic diseases", "الأمراض المعدية والطفيلية"),
    "II": Term("Neoplasms", "الأورام"),
    "III": Term("Blood and immune disorders", "أمراض الدم وجهاز المناعة"),
    "IV": Term("Endocrine, nutritional and metabolic diseases", "أمراض الغدد الصماء والتغذية والاستقلاب"),
    "V": Term("Mental and behavioural disorders", "الاضطرابات النفسية والسلوكية"),
    "VI": Term("Diseases of the nervous system", "أمراض الجهاز العصبي"),
    "VII": Term("Diseases of the eye", "أمراض العين"),
    "VIII": Term("Diseases of the ear", "أمراض الأذن"),
    "IX": Term("Diseases of the circulatory system", "أمراض الجهاز الدوري"),
    "X": Term("Diseases of the respiratory system", "أمراض الجهاز التنفسي"),
    "XI": Term("Diseases of the digestive system", "أمراض الجهاز الهضمي"),
    "XII": Term("Diseases of the skin", "أمراض الجلد"),
    "XIII": Term("Diseases of muscles, bones and joints", "أمراض العضلات والعظام والمفاصل"),
    "XIV": Term("Diseases of the genitourinary system", "أمراض الجهاز البولي التناسلي"),
    "XV": Term("Pregnancy, childbirth and the puerperium", "الحمل والولادة والنفاس"),
    "XVI": Term("Conditions of the perinatal period", "حالات الفترة المحيطة بالولادة"),
    "XVII": Term("Congenital malformations", "التشوهات الخلقية"),
    "XVIII": Term("Symptoms and abnormal findings", "الأعراض والنتائج غير الطبيعية"),
    "XIX": Term("Injury and poisoning", "الإصابات والتسمم"),
    "XX": Term("External causes", "الأسباب الخارجية"),
    "XXI": Term("Factors that influence health status", "عوامل تؤثر في الحالة الصحية"),
    "XXII": Term("Codes for special purposes", "رموز لأغراض خاصة"),
}


def band_of(birth_date: date | None, day: date) -> int | None:
    """Return the first year of the band that somebody's age on a day lies in; None where it is not known."""
    if birth_date is None or birth_date > day:
        return None
    years = day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))
    return max(first for first in BANDS if first <= years)
