"""What a broken element rule says, in both languages: the ids are the exchange's, the words are ours."""

from nphieslinc.faults import BrokenRule

LONGEST_NAME = 60  # of a name that the sender made up


def few(rule: str, path: str, element: str) -> BrokenRule:
    """Say that an element has to be there."""
    return BrokenRule(rule, path, f"{element} is missing", f"العنصر {element} مفقود")


def many(rule: str, path: str, most: int) -> BrokenRule:
    """Say that an element comes too often."""
    return BrokenRule(rule, path, f"at most {most} is allowed here", f"الحد الأقصى المسموح به هنا هو {most}")


def mistyped(rule: str, path: str, type_: str) -> BrokenRule:
    """Say that a value is not of its type."""
    return BrokenRule(rule, path, f"this is no {type_} of FHIR", f"القيمة ليست من نوع {type_} في FHIR")


def unknown(path: str) -> BrokenRule:
    """Say that FHIR knows no such element."""
    name = path.rpartition(".")[2]
    return BrokenRule("FR-00027", path, f"FHIR has no element {name} here", f"لا يوجد في FHIR عنصر باسم {name} هنا")


def empty(path: str) -> BrokenRule:
    """Say that an element is there without content."""
    detail = "an element has a value or elements under it; leave out what is empty"
    return BrokenRule("FR-00006", path, detail, "يجب أن يحتوي العنصر على قيمة أو عناصر؛ احذف العنصر الفارغ")


def foreign(path: str, type_: object) -> BrokenRule:
    """Say that the exchange's messages hold no such resource."""
    name = str(type_)[:LONGEST_NAME]
    detail = f"messages of the exchange hold no resource of type {name}"
    return BrokenRule("FR-00005", path, detail, f"لا تحتوي رسائل المنصة على مورد من نوع {name}")


def unreferenced(rule: str, path: str) -> BrokenRule:
    """Say that a reference points at nothing."""
    detail = "a reference names a resource, or its business identifier"
    return BrokenRule(rule, path, detail, "يجب أن يشير المرجع إلى مورد أو إلى رقمه التعريفي")


def uncoded(rule: str, path: str) -> BrokenRule:
    """Say that a code is not of the value set."""
    detail = "the code is of no code system that the profile allows here, or is not in it"
    return BrokenRule(rule, path, detail, "الرمز ليس من أنظمة الرموز المسموح بها هنا أو غير موجود فيها")
