"""Messages for the tests: our own fixtures, changed where a test needs it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from nphieslinc.envelope import Envelope, open_envelope
from nphieslinc.fhir import parse

FIXTURES = Path(__file__).parent / "fixtures"
TYPES = ("institutional", "oral", "pharmacy", "professional", "vision")
REQUESTS = tuple(f"{event}_{type_}" for event in ("claim-request", "priorauth-request") for type_ in TYPES)

Tree = dict[str, Any]


def raw(name: str = "claim-request_professional") -> bytes:
    return (FIXTURES / f"{name}.json").read_bytes()


def tree(name: str = "claim-request_professional") -> Tree:
    """A fixture as plain JSON, to change and send with `sent`."""
    return json.loads(raw(name))


def resource(bundle: Tree, type_: str) -> Tree:
    return next(entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == type_)


def sent(bundle: Tree) -> bytes:
    return json.dumps(bundle, ensure_ascii=False).encode()


def opened(data: bytes) -> Envelope:
    return open_envelope(parse(data))


def changed(change: Callable[[Tree], object], name: str = "claim-request_professional") -> bytes:
    bundle = tree(name)
    change(bundle)
    return sent(bundle)


def fresh(name: str = "claim-request_professional", **values: str) -> bytes:
    """A fixture as another message: new ids and a new business identifier; `values` are replaced in its text."""
    bundle = tree(name)
    header, claim, key = bundle["entry"][0], resource(bundle, "Claim"), str(uuid4())
    bundle["id"], header["resource"]["id"], header["fullUrl"] = str(uuid4()), key, f"urn:uuid:{key}"
    claim["identifier"][0]["value"] = f"REQ-{uuid4().hex[:12]}"
    text = json.dumps(bundle, ensure_ascii=False)
    for old, new in values.items():
        text = text.replace(old, new)
    return text.encode()
