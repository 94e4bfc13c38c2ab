"""Property tests of small parsers: whatever comes in, a plain answer or a plain refusal comes out."""

from datetime import UTC, date, datetime
from uuid import UUID

from corpus import CORPUS
from hypothesis import example, given
from hypothesis import strategies as st

from masterlinc import ids, text
from masterlinc.errors import Invalid, Malformed, NotFound, UnsupportedMedia
from masterlinc.events.replay import point
from masterlinc.http import paging
from masterlinc.http.address import client_address, networks
from masterlinc.http.language import language
from masterlinc.http.query import escaped, require_single
from masterlinc.http.request import require_json
from masterlinc.http.trace import trace_id
from masterlinc.identity import (
    PERSON_SYSTEMS,
    check_saudi_id,
    identifier_is_valid,
    make_saudi_id,
    normalize_identifier,
    normalize_phone,
)
from masterlinc.testing import FixedClock
from nphieslinc.fhir.values import read_day
from policylinc.service_day import service_day

NOW = FixedClock(datetime(2026, 3, 1, 9, tzinfo=UTC))
ANY = st.text(max_size=60) | st.sampled_from(CORPUS)
DAYLIKE = st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.]{0,12}([Zz]|[+-][0-9:]{0,6})?)?", fullmatch=True)
HEADER = st.binary(max_size=80) | st.sampled_from(CORPUS).map(lambda one: one.encode("utf-8", "replace")[:300])


@given(ANY | DAYLIKE)
@example("1447-05-02")
@example("0001-01-01T00:00:00+14:00")
@example("9999-12-31T23:59:59-12:00")
def test_cases_096_and_098_a_service_day_is_of_our_time_or_invalid(written):
    try:
        day = service_day(written, NOW)
    except Invalid:
        return
    assert date(1900, 1, 1) <= day <= date(2199, 12, 31)


@given(ANY | DAYLIKE | st.none() | st.integers() | st.booleans())
def test_case_096_a_day_of_fhir_is_a_day_or_refused(written):
    try:
        day = read_day(written)
    except (ValueError, OverflowError):  # what its callers take for a wrong value
        return
    assert day is None or isinstance(day, date)


@given(ANY | DAYLIKE)
def test_case_096_a_point_to_replay_from_is_a_time_an_event_or_refused(written):
    try:
        found = point(written)
    except Invalid:
        return
    assert isinstance(found, UUID) or found.tzinfo is UTC


@given(st.integers(), st.integers())
def test_a_page_is_within_its_bounds_or_invalid(number, size):
    try:
        found = paging.page(number, size)
    except Invalid:
        return
    assert 1 <= found.limit <= paging.MAX_SIZE
    assert 0 <= found.offset <= paging.MAX_OFFSET


@given(st.integers(0, 10**8 - 1), st.sampled_from(["national_id", "iqama"]), st.integers(0, 9), st.integers(1, 9))
def test_case_100_one_changed_digit_is_seen(serial, kind, place, by):
    number = make_saudi_id(kind, serial)
    assert check_saudi_id(number) == kind
    changed = number[:place] + str((int(number[place]) + by) % 10) + number[place + 1 :]
    assert check_saudi_id(changed) is None


@given(ANY)
def test_case_100_an_identifier_has_one_form_or_none(written):
    try:
        form = normalize_identifier(written)
    except ValueError:
        return
    assert normalize_identifier(form) == form
    assert not any(letter.isspace() for letter in form)
    for system in PERSON_SYSTEMS:
        assert not identifier_is_valid(system, form) or (form.isascii() and form == form.upper())


@given(ANY | st.from_regex(r"(\+|00)?[0-9٠-٩() .-]{5,20}", fullmatch=True))
def test_case_100_a_phone_has_one_form_or_none(written):
    phone = normalize_phone(written)
    assert phone is None or (normalize_phone(phone) == phone and phone.isascii() and phone[1:].isdigit())


@given(ANY, st.sampled_from(["CLM", "PAT", "WFL"]))
def test_case_105_what_is_no_key_is_not_found(written, prefix):
    try:
        key = ids.parse(prefix, written)
    except NotFound:
        return
    assert ids.show(prefix, key) == written


@given(st.text(max_size=200))
def test_case_102_folding_is_stable_and_hides_no_letter(written):
    folded = text.fold(written)
    assert text.fold(folded) == folded
    assert not any(letter in "\u0640\u200b\u200d\u202e\u2066" for letter in folded)


@given(st.text(alphabet="أإآاٱىيئیؤوةهک ك\u0640\u064e\u0651\u200cabAB", max_size=30), st.data())
def test_case_102_a_name_is_found_whatever_ornament_it_carries(written, data):
    places = data.draw(st.lists(st.integers(0, len(written)), max_size=4))
    marks = data.draw(st.lists(st.sampled_from("\u064e\u064f\u0650\u0651\u0652\u0640"), min_size=4, max_size=4))
    ornate = written
    for place, mark in zip(sorted(places, reverse=True), marks, strict=False):
        ornate = ornate[:place] + mark + ornate[place:]
    assert text.fold(ornate) == text.fold(written)


@given(HEADER)
def test_a_language_is_one_of_two(header):
    assert language({"headers": [(b"accept-language", header)]}) in {"en", "ar"}


@given(HEADER)
def test_case_064_a_trace_is_plain_hexadecimal(header):
    found = trace_id({"headers": [(b"traceparent", header)], "state": {}})
    assert len(found) == 32
    assert set(found) <= set("0123456789abcdef")


@given(st.binary(max_size=120))
def test_case_075_a_query_is_read_once_or_malformed(query):
    clean = escaped(query)
    assert clean.isascii()
    assert escaped(clean) == clean
    try:
        require_single(clean)
    except Malformed:
        return


@given(HEADER, HEADER)
def test_case_083_a_content_type_is_json_or_refused(kind, coding):
    try:
        require_json([(b"content-type", kind), (b"content-encoding", coding)])
    except UnsupportedMedia:
        return
    assert b"json" in kind.lower()


@given(st.lists(HEADER, max_size=3))
def test_an_address_is_one_whatever_a_proxy_writes(headers):
    scope = {"client": ("10.0.0.1", 1), "headers": [(b"x-forwarded-for", one) for one in headers], "state": {}}
    found = client_address(scope, networks(["10.0.0.0/8"]))
    assert found
    assert found == client_address(scope | {"state": {}}, networks(["10.0.0.0/8"]))
    assert client_address(scope | {"state": {}}, ()) == "10.0.0.1"
