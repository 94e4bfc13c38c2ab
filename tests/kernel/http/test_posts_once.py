"""Every POST that makes something takes an Idempotency-Key; the others say here why they need none."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs/api.md"
ROW = re.compile(r"^\| `POST (/\S*)` \|.*$", re.MULTILINE)
HONOURED = "`Idempotency-Key` honoured"

CHANGES_NOTHING = "it computes and keeps nothing"
OWN_RULE = "a second time finds it done, or is refused by what it needs"
SECRETS = "its answer is shown once and kept nowhere, so it cannot be shown again"
WITHOUT_KEY = {
    "/api/v1/auth/login": SECRETS,
    "/api/v1/auth/refresh": SECRETS,
    "/api/v1/auth/verify": CHANGES_NOTHING,
    "/api/v1/auth/logout": OWN_RULE,
    "/api/v1/users/{user}/identity": OWN_RULE,  # an identity is linked once
    "/api/v1/users/{user}/invitation": OWN_RULE,  # mails are counted, and one choice ends all links
    "/api/v1/messages/{message_id}/acknowledge": OWN_RULE,
    "/api/v1/events/redrive": OWN_RULE,
    "/api/v1/events/replay": OWN_RULE,
    "/api/v1/policies/validate": CHANGES_NOTHING,
    "/api/v1/policies/eligibility": CHANGES_NOTHING,
    "/api/v1/policies/proposals/{proposal}/approve": OWN_RULE,
    "/api/v1/policies/proposals/{proposal}/decline": OWN_RULE,
    "/api/v1/policies/proposals/{proposal}/withdraw": OWN_RULE,
    "/api/v1/adjudications/simulate": CHANGES_NOTHING,
    "/api/v1/claims/normalize": CHANGES_NOTHING,
    "/api/v1/rules/apply": CHANGES_NOTHING,
    "/api/v1/validate": CHANGES_NOTHING,
    "/api/v1/documents/sign": CHANGES_NOTHING,
    "/api/v1/documents/verify": CHANGES_NOTHING,
    "/mcp": "its tools read and check, and none writes",
}
ACCOUNT = "/api/v1/auth/"  # of one's own account: passwords, factors and secrets, each with a rule of its own


def rows() -> dict[str, str]:
    return {found[1]: found[0] for found in ROW.finditer(PAGE.read_text(encoding="utf-8"))}


def test_case_109_every_post_takes_a_key_or_has_a_reason():
    found = rows()
    without = {path for path, row in found.items() if HONOURED not in row}
    assert {path for path in without - WITHOUT_KEY.keys() if not path.startswith(ACCOUNT)} == set()
    assert WITHOUT_KEY.keys() - without == set()


def test_case_109_what_moves_money_takes_one():
    money = {path: row for path, row in rows().items() if "claim:submit" in row or "nphies:submit" in row}
    assert {path for path, row in money.items() if HONOURED not in row} == set()
    assert len(money) >= 2


async def test_a_page_that_says_so_is_true(running, client, make_principal):
    """A key of one odd letter is refused by a route that looks at it, when the rest of the request is good."""
    from masterlinc.testing import bearer

    token = bearer(running, make_principal("admin")) | {"Idempotency-Key": "\x7f"}
    good = {
        "/execute": {"task": "masterlinc.echo", "input": {"message": 1}},
        "/api/v1/delegate": {
            "task_description": "Answer what is sent",
            "task": "masterlinc.echo",
            "input": {"message": 1},
        },
        "/api/v1/workflow/execute": {
            "workflow_name": "w",
            "steps": [{"step_id": "a", "agent_id": "masterlinc", "action": "echo", "input_data": {"message": 1}}],
        },
        "/api/v1/message/route": {
            "sender_id": "claimlinc",
            "receiver_id": "policylinc",
            "message_type": "note",
            "content": {},
            "priority": 5,
        },
        "/api/v1/patients": {
            "name": "Huda Ali",
            "date_of_birth": "1991-07-02",
            "gender": "female",
            "iqama": "2000000006",
        },
        "/api/v1/claims/submit": {"patient_id": "MRN-1", "service_code": "83600-00-10", "amount": 250},
    }
    for path, body in good.items():
        answer = await client.post(path, json=body, headers=token)
        assert (answer.status_code, answer.json()["code"]) == (400, "idempotency-key-malformed"), path
