"""Write the table of ASVS requirements into docs/security.md; run it after a change of asvs.toml."""

import tomllib
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
PAGE = FOLDER.parent / "security.md"
BEGIN, END = "<!-- made by docs/security/table.py -->", "<!-- end -->"


def table() -> str:
    """Return the table in Markdown."""
    rows = tomllib.loads((FOLDER / "asvs.toml").read_text(encoding="utf-8"))["requirements"]
    lines = ["| id | what | state | where | proof |", "|---|---|---|---|---|"]
    lines += [
        f"| {number} | {row['what']} | {_state(row)} | {_where(row)} | {_proof(row)} |" for number, row in rows.items()
    ]
    return "\n".join(lines)


def page() -> str:
    """Return the page as it is with the table as it should be."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{rest.partition(END)[2]}"


def _state(row: dict[str, Any]) -> str:
    if "not_applicable" in row:
        return f"does not apply: {row['not_applicable']}"
    if "not_yet" in row:
        return f"{'in part' if 'cases' in row or 'tests' in row else 'not yet'}: {row['not_yet']}"
    return "met"


def _where(row: dict[str, Any]) -> str:
    return ", ".join(f"`{place}`" for place in row.get("where", ()))


def _proof(row: dict[str, Any]) -> str:
    cases = ", ".join(f"{number:03}" for number in row.get("cases", ()))
    tests = [f"`{test.rpartition('::')[2]}`" for test in row.get("tests", ())]
    return "; ".join([*([f"cases {cases}"] if cases else []), *tests])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
