"""What a decision comes to, line by line, as one text: by it a what-if sees whether a claim changed."""

from collections.abc import Iterable

from msgspec import Struct

from claimlinc.contract import Decision, LineDecision

AMOUNTS = ("allowed", "deductible", "copay", "tax", "payer_share", "patient_share")


class Figures(Struct, frozen=True):
    """The figures of one line; amounts as text, in the order of AMOUNTS."""

    sequence: int
    outcome: str
    denial_code: str
    amounts: tuple[str, ...]


def spell(decision: Decision) -> str:
    """Write a decision's figures as `kept.FIGURES` writes those of its rows."""
    return "\n".join(map(_spell, decision.lines))


def _spell(line: LineDecision) -> str:
    return (
        f"{line.sequence} {line.outcome.value} {line.denial_code or '-'} {line.allowed} {line.deductible} {line.copay}"
        f" {line.tax} {line.payer_share} {line.patient_share}"
    )


def read(text: str) -> Iterable[Figures]:
    """Read what `spell` wrote."""
    for one in filter(None, text.split("\n")):
        sequence, outcome, code, *amounts = one.split(" ")
        yield Figures(int(sequence), outcome, code, tuple(amounts))
