"""What this agent refuses, in both languages."""

from masterlinc.errors import Conflict, FieldError, Invalid, NotFound


class PatientUnknown(NotFound):
    """No patient of the caller's organization has this reference."""

    code = "patient-unknown"
    title, title_ar = "There is no such patient here", "المريض غير موجود"


class ProviderUnknown(NotFound):
    """The provider is neither the caller's organization nor a practitioner of it."""

    code = "provider-unknown"
    title, title_ar = "There is no such provider here", "مقدم الخدمة غير موجود"


class PatientKnown(Conflict):
    """Another patient of the organization has this number."""

    code = "patient-known"
    title, title_ar = "A patient with this number is registered already", "يوجد مريض مسجل بهذا الرقم"


class PractitionerKnown(Conflict):
    """A practitioner of the organization has this licence."""

    code = "practitioner-known"
    title, title_ar = "A practitioner with this licence is registered already", "يوجد ممارس مسجل بهذا الترخيص"


class PractitionerBusy(Conflict):
    """The practitioner has an appointment that overlaps."""

    code = "practitioner-busy"
    title, title_ar = "The practitioner has another appointment at this time", "لدى الممارس موعد آخر في هذا الوقت"


class PatientBusy(Conflict):
    """The patient has an appointment that overlaps."""

    code = "patient-busy"
    title, title_ar = "The patient has another appointment at this time", "لدى المريض موعد آخر في هذا الوقت"


class OutsideSchedule(Invalid):
    """The practitioner does not work at this time."""

    code = "outside-schedule"
    title, title_ar = "The practitioner does not see patients at this time", "الممارس لا يستقبل المرضى في هذا الوقت"


class HoursOverlap(Conflict):
    """Two hours of one practitioner overlap on a weekday."""

    code = "hours-overlap"
    title, title_ar = "The hours of a weekday overlap", "ساعات العمل متداخلة في اليوم نفسه"


WORDS = {
    "text": (
        "This text is empty, too long, or holds characters that cannot be shown",
        "النص فارغ أو أطول من المسموح أو يحتوي على رموز غير ظاهرة",
    ),
    "national-id": (
        "A national identity number has ten digits, begins with 1 and has a valid check digit",
        "رقم الهوية الوطنية من عشر خانات يبدأ بالرقم 1 وخانة التحقق فيه صحيحة",
    ),
    "iqama": (
        "A residence (iqama) number has ten digits, begins with 2 and has a valid check digit",
        "رقم الإقامة من عشر خانات يبدأ بالرقم 2 وخانة التحقق فيه صحيحة",
    ),
    "identifier": (
        "This number may hold Latin letters, digits and - / . _ only",
        "يقبل هذا الرقم الأحرف اللاتينية والأرقام والرموز - / . _ فقط",
    ),
    "birth-date": (
        "A date of birth lies between 1900-01-01 and today, in the Gregorian calendar",
        "تاريخ الميلاد بالتقويم الميلادي بين 1900-01-01 واليوم",
    ),
    "phone": ("This is not a phone number, as +966512345678", "رقم الهاتف غير صحيح، مثال: +966512345678"),
    "email": ("This is not an e-mail address", "عنوان البريد الإلكتروني غير صحيح"),
    "time": (
        "A date with a time is expected, as 2026-03-01T09:30:00 (Riyadh) or 2026-03-01T09:30:00+03:00",
        "المتوقع تاريخ مع وقت مثل 2026-03-01T09:30:00 (بتوقيت الرياض) أو 2026-03-01T09:30:00+03:00",
    ),
    "past": ("This time is more than a day in the past", "هذا الوقت مضى عليه أكثر من يوم"),
    "far": ("This time is more than two years ahead", "هذا الوقت بعد أكثر من سنتين"),
    "outside": ("The practitioner does not see patients at this time", "الممارس لا يستقبل المرضى في هذا الوقت"),
    "duration": ("An appointment lasts from 5 to 480 minutes", "مدة الموعد من 5 إلى 480 دقيقة"),
    "hours": (
        "Hours lie within a day from Monday (1) to Sunday (7), and a slot has 5 to 480 minutes",
        "ساعات العمل ضمن اليوم من الاثنين (1) إلى الأحد (7)، ومدة الموعد من 5 إلى 480 دقيقة",
    ),
    "known": ("A patient with this number is registered already", "يوجد مريض مسجل بهذا الرقم"),
    "unknown": ("There is no such record here", "السجل المطلوب غير موجود"),
}


def fault(path: str, code: str) -> FieldError:
    """Word a fault of a field."""
    detail, detail_ar = WORDS[code]
    return FieldError(path=path, code=code, detail=detail, detail_ar=detail_ar)
