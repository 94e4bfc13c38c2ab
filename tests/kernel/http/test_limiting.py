"""Limits over HTTP: who is counted under what, what is answered, and what is never refused."""

from dataclasses import replace
from ipaddress import IPv4Address
from random import randbytes

import httpx
import pytest
import pytest_asyncio

from masterlinc.http.limiting import of_network
from masterlinc.testing import bearer, client_of

LIMIT = 3
ME = "/api/v1/workflows"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def limited(run_app):
    def configure(settings):
        settings.limits.user = settings.limits.key = settings.limits.address = LIMIT
        settings.limits.local_percent = 100
        settings.http.trusted_proxies = ["127.0.0.1"]

    return await run_app(configure=configure)


@pytest_asyncio.fixture(loop_scope="session")
async def http(limited):
    async with client_of(limited) as client:
        yield client


@pytest.fixture
def address():
    """Addresses that no other request comes from, as our proxy says them."""
    return lambda: {"X-Forwarded-For": str(IPv4Address(randbytes(4)))}


def check_refused(answer: httpx.Response, policy: str) -> None:
    assert answer.status_code == 429, answer.text
    problem = answer.json()
    assert problem["code"] == "rate-limited"
    assert problem["violated-policies"] == [policy]
    assert "حاول" in problem["detail_ar"]
    assert 1 <= int(answer.headers["retry-after"]) <= 66
    assert answer.headers["ratelimit"] == f'"{policy}";r=0;t={answer.headers["retry-after"]}'
    assert answer.headers["ratelimit-policy"] == f'"{policy}";q={LIMIT};w=60'
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_user_is_counted_over_sessions_and_addresses(limited, http, make_principal, address):
    who = make_principal("admin")
    for left in (2, 1, 0):
        answer = await http.get(ME, headers=bearer(limited, replace(who, session_id=who.user_id)) | address())
        assert answer.status_code == 200
        assert answer.headers["ratelimit"].startswith(f'"user";r={left};t=')
    check_refused(await http.get(ME, headers=bearer(limited, who) | address()), "user")
    assert (await http.get(ME, headers=bearer(limited, make_principal("admin")) | address())).status_code == 200


async def test_what_a_user_may_not_do_is_counted_too(limited, http, make_principal, address):
    headers = bearer(limited, make_principal("researcher")) | address()
    for _ in range(LIMIT):
        assert (await http.get(ME, headers=headers)).status_code == 403
    check_refused(await http.get(ME, headers=headers), "user")


async def test_guessing_tokens_is_counted_by_address_and_a_good_token_beside_it_is_served(
    limited, http, make_principal, address
):
    at = address()
    for _ in range(LIMIT):
        assert (await http.get(ME, headers={"Authorization": "Bearer x"} | at)).status_code == 401
    check_refused(await http.get(ME, headers={"Authorization": "Bearer x"} | at), "address")
    assert (await http.get(ME, headers=bearer(limited, make_principal("admin")) | at)).status_code == 200
    assert (await http.get(ME, headers=address())).status_code == 401


@pytest.mark.parametrize("path", ["login", "refresh", "verify"])
async def test_public_routes_are_counted_by_address(http, address, path):
    at = address()
    for _ in range(LIMIT):
        assert (await http.post(f"/api/v1/auth/{path}", json={}, headers=at)).status_code < 429
    check_refused(await http.post(f"/api/v1/auth/{path}", json={}, headers=at), "address")


async def test_a_client_does_not_choose_its_address(http, address):
    at = address()["X-Forwarded-For"]
    for number in range(LIMIT):
        sent = {"X-Forwarded-For": f"192.0.2.{number}, {at}"}
        assert (await http.get("/.well-known/jwks.json", headers=sent)).status_code == 200
    sent = {"X-Forwarded-For": f"192.0.2.99, {at}"}
    check_refused(await http.get("/.well-known/jwks.json", headers=sent), "address")


async def test_probes_are_never_refused(http, address):
    at = address()
    for _ in range(LIMIT * 3):
        answer = await http.get("/health/live", headers=at)
        assert answer.status_code == 200
        assert "ratelimit" not in answer.headers


@pytest.mark.parametrize(
    ("address", "subject"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "20010db800010002"),
        ("2001:db8:1:2::9", "20010db800010002"),
        ("fe80::1%eth0", "fe80000000000000"),
        ("", ""),
    ],
)
def test_an_ipv6_customer_is_one_subject(address, subject):
    assert of_network(address) == subject
