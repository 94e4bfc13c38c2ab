"""A cookie comes back as it was given, to this host, under its name, in its time; or not at all."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from masterlinc.http.cookies import Cookie


@pytest.fixture
def cookie(services, clock):
    return Cookie(services.vault, clock, "errand", seconds=600)


def back(*cookies):
    return {"headers": [(b"accept", b"*/*"), *((b"cookie", one.encode("latin-1", "replace")) for one in cookies)]}


def pair(baked):
    return baked.partition(";")[0]


def test_it_is_for_this_host_over_https_and_no_script_sees_it(cookie):
    name, *attributes = cookie.bake("x").split("; ")
    assert name.startswith("__Host-errand=")
    assert set(attributes) == {"Max-Age=600", "Path=/", "Secure", "HttpOnly", "SameSite=Strict"}
    assert cookie.drop().startswith("__Host-errand=; Max-Age=0; Path=/; Secure; HttpOnly")


def test_lax_is_said_where_it_is_needed(services, clock):
    assert "SameSite=Lax" in Cookie(services.vault, clock, "x", seconds=1, same_site="Lax").bake("")


@pytest.mark.parametrize("value", ["", "state.with.dots", "حالة", "a;b=c, d\r\nSet-Cookie: e"])
def test_a_value_comes_back(cookie, value):
    baked = cookie.bake(value)
    assert "\n" not in baked
    assert cookie.read(back(f"a=b; {pair(baked)}; c")) == value
    assert cookie.read(back("a=b", pair(baked))) == value


def test_its_time_is_kept_by_us(cookie, clock):
    baked = pair(cookie.bake("x"))
    clock.advance(timedelta(seconds=599))
    assert cookie.read(back(baked)) == "x"
    clock.advance(timedelta(seconds=1))
    assert cookie.read(back(baked)) is None


def test_what_was_not_given_is_none(cookie, services, clock):
    baked = pair(cookie.bake("x"))
    other = pair(Cookie(services.vault, clock, "other", seconds=600).bake("x"))
    signed, _, mac = baked.rpartition(".")
    text, _, until = signed.rpartition(".")
    assert cookie.read({"headers": []}) is None
    assert cookie.read(back(baked, baked)) is None
    assert cookie.read(back(other.replace("__Host-other", "__Host-errand"))) is None
    assert cookie.read(back(f"{text}.{int(until) + 1}.{mac}")) is None
    assert cookie.read(back(baked.replace("__Host-", ""))) is None
    assert cookie.read(back(baked + "0")) is None
    assert cookie.read(back(baked + "x" * 4_000)) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60))
def test_whatever_is_sent_is_read_without_a_fault(cookie, sent):
    assert cookie.read(back(f"__Host-errand={sent}")) is None
