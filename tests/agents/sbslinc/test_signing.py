"""Signatures over the canonical form of a document."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masterlinc.errors import DomainError, Invalid, Malformed, NotFound
from masterlinc.testing import bearer
from sbslinc.contract import SignDocument, SignedDocument, VerifiedDocument, VerifyDocument
from sbslinc.signing import canonical

PAYLOAD = '{"total": 250.00, "claim": "CLM-1", "name": "سلمى", "lines": [1, 2.50, 1e2]}'


@pytest.fixture
def ctx(running, make_principal):
    return running.context("sbslinc", make_principal("billing"))


async def sign(ctx, payload=PAYLOAD):
    return await ctx.call(SignDocument(ctx.principal.organization_id, payload), SignedDocument)


async def holds(ctx, payload, signed, **changes):
    request = {"organization_id": ctx.principal.organization_id, "signature": signed.signature, "key_id": signed.key_id}
    return (await ctx.call(VerifyDocument(payload=payload, **request | changes), VerifiedDocument)).valid


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (PAYLOAD, '{"claim":"CLM-1","lines":[1,2.5,100],"name":"سلمى","total":250}'),
        (
            "[333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001]",
            "[333333333.3333333,1e+30,4.5,0.002,1e-27]",
        ),
        (
            '{"\\u20ac":"Euro","\\r":"CR","\\ufb33":"Dalet","1":"One","\\ud83d\\ude00":"Grin","\\u0080":"C","\\u00f6":"o"}',
            '{"\\r":"CR","1":"One","\u0080":"C","ö":"o","€":"Euro","😀":"Grin","\ufb33":"Dalet"}',
        ),
        ('"\\u000f\\n\\"\\\\/\\u2028"', '"\\u000f\\n\\"\\\\/\u2028"'),
    ],
)
def test_the_canonical_form_is_that_of_rfc_8785(payload, expected):
    assert canonical(payload).decode() == expected


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**53) + 1, 2**53 - 1)
        | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=4),
                inner,
                max_size=4,
            )
        ),
    )
)
def test_the_canonical_form_says_the_same_and_is_its_own(value):
    once = canonical(json.dumps(value, indent=1))
    assert json.loads(once) == value
    assert canonical(once.decode()) == once


@given(st.text())
def test_any_text_has_a_canonical_form_or_is_refused_with_our_own_error(text):
    try:
        canonical(text)
    except DomainError as refused:
        assert refused.status in {400, 422}  # noqa: PT017


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        ("{", Malformed),
        ('{"a":1,"a":2}', Malformed),
        ("[" * 40 + "]" * 40, Malformed),
        ("9007199254740993", Invalid),
        ("1e999", Invalid),
        ('"\ud800"', Malformed),
    ],
)
def test_what_has_no_single_meaning_is_not_signed(payload, error):
    with pytest.raises(error):
        canonical(payload)


async def test_a_signature_holds_for_the_document_however_it_is_written(ctx):
    signed = await sign(ctx)
    assert (signed.algorithm, len(signed.digest)) == ("Ed25519", 64)
    assert await holds(ctx, PAYLOAD, signed)
    assert await holds(ctx, json.dumps(json.loads(PAYLOAD), indent=2, sort_keys=True, ensure_ascii=True), signed)
    assert await sign(ctx) == signed


async def test_a_changed_document_signature_or_key_does_not_hold(ctx, running, make_principal):
    signed = await sign(ctx)
    other = running.context("sbslinc", make_principal("billing"))
    theirs = await sign(other)
    assert theirs.key_id != signed.key_id
    assert not await holds(ctx, PAYLOAD.replace("250", "251"), signed)
    assert not await holds(ctx, PAYLOAD, theirs)
    assert not await holds(ctx, PAYLOAD, signed, key_id=theirs.key_id)
    for signature in ("", "x", signed.signature[:-4], signed.signature + "AAAA", "ك"):
        assert not await holds(ctx, PAYLOAD, signed, signature=signature)
    for key in ("", "KEY-", "CLM-00000000000000000000000000"):
        assert not await holds(ctx, PAYLOAD, signed, key_id=key)


async def test_nobody_signs_for_another_organization(ctx, running, make_principal):
    other = running.context("sbslinc", make_principal("billing"))
    with pytest.raises(NotFound):
        await other.call(SignDocument(ctx.principal.organization_id, "1"), SignedDocument)


async def test_the_first_uses_at_once_make_one_key_which_is_stored_sealed(ctx):
    signatures = await asyncio.gather(*(sign(ctx) for _ in range(8)))
    assert len(set(signatures)) == 1
    async with ctx.transaction() as tx:
        rows = await tx.fetch("SELECT public_key, private_key FROM sbslinc.signing_key")
        made = await tx.fetchval(
            "SELECT count(*) FROM masterlinc.audit_event WHERE action = 'key.create' AND organization_id = $1",
            ctx.principal.organization_id,
        )
    assert len(rows) == made == 1
    assert len(rows[0]["private_key"]) > 32


async def test_large_documents_are_signed(ctx):
    payload = json.dumps({"data": "x" * 200_000})
    assert await holds(ctx, payload, await sign(ctx, payload))


async def test_over_http(client, running, make_principal):
    headers = bearer(running, make_principal("billing"))
    text = '{"payload": {"total": 250.00, "b": [1, 2]}}'
    signed = await client.post(
        "/api/v1/documents/sign", content=text, headers=headers | {"Content-Type": "application/json"}
    )
    assert signed.status_code == 200, signed.text
    found = {
        "payload": {"b": [1, 2], "total": 250},
        "signature": signed.json()["signature"],
        "key_id": signed.json()["key_id"],
    }
    assert (await client.post("/api/v1/documents/verify", json=found, headers=headers)).json() == {"valid": True}
    found["payload"]["total"] = 251
    assert (await client.post("/api/v1/documents/verify", json=found, headers=headers)).json() == {"valid": False}
    nurse = bearer(running, make_principal("nurse"))
    assert (await client.post("/api/v1/documents/sign", json={"payload": 1}, headers=nurse)).status_code == 403


async def test_rules_over_http(client, running, make_principal):
    headers = bearer(running, make_principal("billing"))
    body = {"lines": [{"quantity": 2, "unit_price": 100, "net": 230, "tax": 30}], "total": 231}
    answer = await client.post("/api/v1/rules/apply", json=body, headers=headers)
    assert [one["rule"] for one in answer.json()["findings"]] == ["BV-00059"]
    assert b'"total":230.00' in answer.content
