"""What a verification found."""

from dataclasses import dataclass, field

MOST = 20  # faults that are told one by one


@dataclass(frozen=True)
class Fault:
    """One thing that is not as it was sealed; `seal` and `row` where they are known."""

    kind: str
    words: str
    seal: int | None = None
    row: str | None = None

    def __str__(self) -> str:
        """Return one line."""
        where = [f"seal {self.seal}" if self.seal is not None else "", f"row {self.row}" if self.row else ""]
        return f"{self.kind}: {', '.join(one for one in where if one)}{': ' if any(where) else ''}{self.words}"


@dataclass
class Report:
    """How far the chain was followed, and what is wrong; the first fault is the earliest in the chain."""

    seals: int = 0
    rows: int = 0
    unsealed: int = 0
    erased: int = 0
    faults: list[Fault] = field(default_factory=list)
    more: int = 0  # faults beyond those that are told

    @property
    def ok(self) -> bool:
        """Say whether nothing was found."""
        return not self.faults

    def add(self, fault: Fault) -> None:
        """Keep a fault, or count it where there are many."""
        if len(self.faults) < MOST:
            self.faults.append(fault)
        else:
            self.more += 1
