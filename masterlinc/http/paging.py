"""Pages of lists: `page` and `page_size` as the first system has them, with an honest total."""

from msgspec import Struct

from masterlinc.errors import FieldError, Invalid

MAX_SIZE = 100
MAX_OFFSET = 10_000  # deeper than this a list is read by cursor
TOTAL_LIMIT = 1_000


class Page(Struct, frozen=True):
    """Which slice of a list is asked for."""

    number: int
    size: int

    @property
    def limit(self) -> int:
        """Return how many rows to read."""
        return self.size

    @property
    def offset(self) -> int:
        """Return how many rows to skip."""
        return (self.number - 1) * self.size


def page(page: int = 1, page_size: int = 20) -> Page:
    """Check the two query parameters; raises Invalid naming each that is out of bounds."""
    faults = []
    if not 1 <= page_size <= MAX_SIZE:
        faults.append(_fault("page_size", f"from 1 to {MAX_SIZE}", f"من 1 إلى {MAX_SIZE}"))
    deepest = MAX_OFFSET // min(max(page_size, 1), MAX_SIZE) + 1
    if not 1 <= page <= deepest:
        faults.append(_fault("page", f"from 1 to {deepest}", f"من 1 إلى {deepest}"))
    if faults:
        raise Invalid(
            f"{faults[0].path}: {faults[0].detail}", f"{faults[0].path}: {faults[0].detail_ar}", errors=faults
        )
    return Page(page, page_size)


def count_sql(query: str) -> str:
    """Wrap a query so that it counts its rows, and stops counting just beyond the limit."""
    return f"SELECT count(*) FROM (SELECT 1 FROM ({query}) AS found LIMIT {TOTAL_LIMIT + 1}) AS counted"  # noqa: S608 - a query of our own


def capped(counted: int) -> tuple[int, bool]:
    """Return `total` and `total_exact` from what `count_sql` counted."""
    return min(counted, TOTAL_LIMIT), counted <= TOTAL_LIMIT


def _fault(path: str, bounds: str, bounds_ar: str) -> FieldError:
    return FieldError(
        path=path, code="range", detail=f"The value must be {bounds}", detail_ar=f"يجب أن تكون القيمة {bounds_ar}"
    )
