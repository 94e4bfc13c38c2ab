"""Tables in Markdown."""

from collections.abc import Iterable, Sequence


def markdown(heads: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    """Return a table."""
    rows = [heads, ["---"] * len(heads), *lines]
    return "\n".join("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows)
