"""What may be a secret or name a person does not stay in a text; what an operator needs does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masterlinc.identity import make_saudi_id
from masterlinc.observe.redaction import LONGEST, MARK, redacted

SECRETS = [
    "Authorization: Bearer abc.def",
    "authorization=Basic dXNlcjpwYXNz",
    "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ4In0.c2ln",
    "GET https://api.example/callback?code=4711&state=xyz",
    "redis://app:hunter2@cache:6379/0",
    "{'refresh_token': 'r-12'}",
    "password=hunter2",
    "API-Key: k-12",
    "sara@clinic.example",
    "1034567892",
    "١٠٣٤٥٦٧٨٩٢",
    "+966 50 123 4567",
    "0501234567",
    "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
]
PARTS = [
    "abc.def",
    "dXNlcjpwYXNz",
    "eyJ",
    "4711",
    "xyz",
    "hunter2",
    "r-12",
    "k-12",
    "sara@",
    "1034567892",
    "١٠٣",
    "4567",
]
PARTS += ["0501", "MDEy"]


@pytest.mark.parametrize("text", SECRETS)
def test_secrets_and_persons_are_marked(text):
    said = redacted(f"before {text} after")
    assert MARK in said
    assert said.startswith("before ")
    assert said.endswith(" after")
    assert [part for part in PARTS if part in said] == []


@pytest.mark.parametrize(
    "text",
    [
        "connected -> disconnected",
        "claimlinc.submit of CLM-01JQZ5X8E3M4N5P6Q7R8S9T0V1 waits for 12.5 s",
        "ConnectionRefusedError: [Errno 111] Connect call failed ('127.0.0.1', 6379)",
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "2026-11-23T22:39:55.984249Z",
        "workflow claimlinc.claim v3, step 2 of 8",
    ],
)
def test_what_an_operator_needs_stays(text):
    assert redacted(text) == text


@given(st.integers(0, 10**8 - 1), st.sampled_from(["national_id", "iqama"]), st.text(max_size=20), st.text(max_size=20))
def test_no_identity_number_survives_between_other_words(number, kind, before, after):
    identity = make_saudi_id(kind, number)
    assert identity not in redacted(f"{before} {identity} {after}")


@pytest.mark.parametrize(
    "text", ["a" * 50_000, "1 " * 25_000, "token" * 10_000, "@" * 50_000, "?a" * 25_000, "eyJ." * 12_500]
)
def test_case_074_no_text_takes_long(text):
    """Only the first thousand letters are looked at, and what the cut leaves of a word is not shown."""
    assert len(redacted(text)) <= LONGEST + len(MARK)


def test_a_secret_that_the_cut_goes_through_is_not_shown():
    text = "x " * ((LONGEST - 10) // 2) + "refresh-token-of-somebody-0123456789"
    assert "refresh" not in redacted(text)
