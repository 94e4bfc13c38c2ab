"""A cursor on an object of a message: it knows its path, and notes what it cannot read."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from masterlinc.money import Money, Quantity
from nphieslinc.faults import BrokenRule
from nphieslinc.fhir import elements
from nphieslinc.fhir.parsing import Number, Tree
from nphieslinc.fhir.systems import extension_key
from nphieslinc.fhir.values import NotExact, read_day

T = TypeVar("T")
LONGEST_KEY = 64


@dataclass(slots=True)
class Node:
    """An object of the message; faults go to the list that the whole reading shares."""

    value: Tree
    path: str
    element: str
    faults: list[BrokenRule] = field(default_factory=list)

    # Objects ---------------------------------------------------------------------------------

    def child(self, name: str) -> "Node | None":
        """Return an object under this one."""
        value = self.value.get(name)
        if isinstance(value, dict):
            return self._at(value, name)
        if value is not None or name in self.value:
            self.wrong(name, "an object", "كائناً")
        return None

    def children(self, name: str) -> list["Node"]:
        """Return the objects of a list under this one."""
        return [self._at(value, name, place) for place, value in self._list(name, dict, "objects", "كائنات")]

    def extension(self, *names: str) -> "Node | None":
        """Return the first extension of one of these names, whichever way they are spelled."""
        wanted = {extension_key(name) for name in names}
        for place, value in self._list("extension", dict, "objects", "كائنات"):
            url = value.get("url")
            if isinstance(url, str) and extension_key(url) in wanted:
                return self._at(value, "extension", place)
        return None

    # Values ----------------------------------------------------------------------------------

    def text(self, name: str) -> str | None:
        """Return a text that is not empty."""
        value = self.value.get(name)
        if isinstance(value, str) and not isinstance(value, Number) and value.strip():
            return value.strip()
        if value is not None or name in self.value:
            self.wrong(name, "a text", "نصاً غير فارغ")
        return None

    def key(self, name: str) -> str | None:
        """Return a text that is short enough to be found again by it, as FHIR's ids are."""
        value = self.text(name)
        if value is not None and len(value) > LONGEST_KEY:
            self.wrong(name, f"a text of at most {LONGEST_KEY} characters", f"نصاً لا يتجاوز {LONGEST_KEY} حرفاً")
            return None
        return value

    def texts(self, name: str) -> list[str]:
        """Return a list of texts."""
        return [value for _, value in self._list(name, str, "texts", "نصوص")]

    def flag(self, name: str) -> bool | None:
        """Return a boolean."""
        value = self.value.get(name)
        if isinstance(value, bool):
            return value
        if value is not None or name in self.value:
            self.wrong(name, "true or false", "true أو false")
        return None

    def count(self, name: str) -> int | None:
        """Return a positive integer."""
        value = self.value.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31:
            return value
        if value is not None or name in self.value:
            self.wrong(name, "a positive integer", "عدداً صحيحاً موجباً")
        return None

    def counts(self, name: str) -> list[int]:
        """Return a list of positive integers."""
        found = self._list(name, int, "positive integers", "أعداد صحيحة موجبة")
        for place, value in found:
            if not 0 < value < 2**31:
                self.wrong(f"{name}[{place}]", "a positive integer", "عدداً صحيحاً موجباً")
        return [value for _, value in found if 0 < value < 2**31]

    def day(self, name: str) -> date | None:
        """Return a date, or the day in Riyadh of a time; a year or a month alone is none."""
        return self.read(name, read_day, "a date", "تاريخاً صحيحاً")

    def money(self, name: str) -> Money | None:
        """Return the amount of a FHIR Money."""
        amount = self.child(name)
        if amount is None:
            return None
        return amount.needed("value", amount.read("value", _money, "an amount in SAR", "مبلغاً بالريال"))

    def quantity(self, name: str) -> Quantity | None:
        """Return the value of a FHIR Quantity."""
        amount = self.child(name)
        return amount.needed("value", amount.number("value")) if amount is not None else None

    def number(self, name: str) -> Quantity | None:
        """Return a decimal of zero or more."""
        return self.read(name, _quantity, "a number of zero or more with up to four places", "رقماً لا يقل عن صفر")

    def read(self, name: str, read: Callable[[object], T | None], wanted: str, wanted_ar: str) -> T | None:
        """Read a value with a function that raises ValueError."""
        if name not in self.value:
            return None
        try:
            return read(self.value[name])
        except NotExact:
            detail = f"{self.element}.{name} has more than two places; round half-up to the halala"
            self.note("GE-00028", name, detail, f"يتجاوز {self.element}.{name} منزلتين عشريتين؛ يجب التقريب إلى الهللة")
        except (ValueError, OverflowError):
            self.wrong(name, wanted, wanted_ar)
        return None

    # Faults ----------------------------------------------------------------------------------

    def needed(self, name: str, value: T | None) -> T | None:
        """Note an element that is missing, unless it was already noted as unreadable."""
        path = f"{self.path}.{name}"
        if value is None and not any(fault.path.startswith(path) for fault in self.faults):
            element = f"{self.element}.{name}"
            self.note(elements.absent(element), name, f"{element} is missing", f"العنصر {element} مفقود")
        return value

    def wrong(self, name: str, wanted: str, wanted_ar: str) -> None:
        """Note a value of a wrong kind."""
        element = f"{self.element}.{name}"
        rule = elements.mistyped(element.partition("[")[0])
        self.note(rule, name, f"{element} must be {wanted}", f"يجب أن يكون {element} {wanted_ar}")

    def note(self, rule: str, name: str, detail: str, detail_ar: str) -> None:
        """Note a fault at an element under this one; an empty name means this one."""
        path = f"{self.path}.{name}" if name else self.path
        self.faults.append(BrokenRule(rule, path, detail, detail_ar))

    # -----------------------------------------------------------------------------------------

    def _at(self, value: Tree, name: str, place: int | None = None) -> "Node":
        path = f"{self.path}.{name}" if place is None else f"{self.path}.{name}[{place}]"
        return Node(value, path, f"{self.element}.{name}", self.faults)

    def _list(self, name: str, kind: type[T], wanted: str, wanted_ar: str) -> list[tuple[int, T]]:
        value = self.value.get(name)
        if value is None and name not in self.value:
            return []
        if not isinstance(value, list):
            self.wrong(name, f"a list of {wanted}", f"قائمة {wanted_ar}")
            return []
        return list(self._items(name, value, kind, (wanted, wanted_ar)))

    def _items(self, name: str, values: list[object], kind: type[T], words: tuple[str, str]) -> Iterator[tuple[int, T]]:
        for place, value in enumerate(values):
            if isinstance(value, kind) and not isinstance(value, bool):
                yield place, value
            else:
                self.wrong(f"{name}[{place}]", f"one of the {words[0]}", f"من ضمن {words[1]}")


def _money(value: object) -> Money:
    if not isinstance(value, int | Number) or isinstance(value, bool):
        raise ValueError("not a JSON number")  # noqa: TRY004 - a wrong value, wherever it came from
    text = str(value)
    if "." in text and "e" not in text.lower() and len(text.partition(".")[2].rstrip("0")) > 2:  # noqa: PLR2004
        raise NotExact
    return Money.parse(_without_zeros(text))


def _quantity(value: object) -> Quantity:
    if not isinstance(value, int | Number) or isinstance(value, bool):
        raise ValueError("not a JSON number")  # noqa: TRY004 - a wrong value, wherever it came from
    return Quantity.parse(_without_zeros(str(value)))


def _without_zeros(text: str) -> str:
    """Drop the zeros after the point that say nothing: 10.500 is 10.50."""
    return text.rstrip("0").removesuffix(".") if "." in text and "e" not in text.lower() else text
