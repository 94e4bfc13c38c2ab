"""docs/tenancy.md tells whose rows each table holds, what the process may do, and what the owner's functions answer."""

import re
from pathlib import Path

from test_definers import DEFINERS

PAGE = Path(__file__).parents[3] / "docs/tenancy.md"
ORDER = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")


def granted(table):
    """What `app` may do with a table, with the columns where it is not all of them."""
    names = []
    for right in ORDER:
        columns = {"SELECT": table.selects, "INSERT": table.inserts, "UPDATE": table.updates}.get(right, ())
        if right in table.rights:
            names.append(right)
        elif columns:
            names.append(f"{right} ({', '.join(columns)})")
    return ", ".join(names) or "nothing"


def row(table):
    return f"| `{table.name}` | {'an organization' if table.secured else 'open'} | {granted(table)} |"


async def test_every_table_is_on_the_page_with_its_rights(filled):
    text = PAGE.read_text(encoding="utf-8")
    wanted = [row(table) for table in filled.tables]
    missing = [one for one in wanted if one not in text]
    assert not missing, "\n".join(["docs/tenancy.md lacks these; an open one says behind it why:", *missing])
    told = re.findall(r"^\| `(\w+\.\w+)` \| (?:an organization|open) \|", text, re.MULTILINE)
    assert sorted(told) == sorted(table.name for table in filled.tables)


async def test_an_open_table_says_why_it_may_be(filled):
    text = PAGE.read_text(encoding="utf-8")
    bare = re.findall(r"^\| `(\w+\.\w+)` \| open \| [^|]* \|\s*\|$", text, re.MULTILINE)
    assert bare == []


async def test_what_is_submitted_decided_and_audited_is_only_ever_added(filled):
    rights = {table.name: granted(table) for table in filled.tables}
    added = [name for name, right in rights.items() if right == "SELECT, INSERT"]
    for name in ("claim_line", "claim_diagnosis", "claim_attachment", "answer", "answer_line", "decision", "finding"):
        assert f"claimlinc.{name}" in added
    assert {"masterlinc.event", "masterlinc.audit_patient", "policylinc.benefit_entry", "policylinc.posting"} <= {
        *added
    }
    assert "UPDATE" not in rights["masterlinc.audit_event"]
    assert "DELETE" not in rights["masterlinc.audit_event"]
    assert rights["claimlinc.claim"] == "SELECT, INSERT, UPDATE (status, status_at, version)"


def test_every_function_of_the_owner_is_on_the_page():
    text = PAGE.read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| `(\w+\.\w+)\(\)` \|", text, re.MULTILINE)) == sorted(DEFINERS)
