"""The conventions on a small application of their own: bodies, problems, headers."""

import asyncio
import json
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar import Litestar, get, post
from litestar.config.app import AppConfig
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Struct

from masterlinc.errors import DomainError, FieldError, Invalid, TimedOut, TooMany
from masterlinc.http import install, paging
from masterlinc.http.body import BoundedBody, Deadlines
from masterlinc.money import Money, Quantity, money
from masterlinc.settings import HttpSettings

ARABIC = {"Accept-Language": "ar-SA,ar;q=0.9,en;q=0.8"}


class Line(Struct, forbid_unknown_fields=True):
    amount: Money
    quantity: Quantity = Quantity(1)


class Bill(Struct, forbid_unknown_fields=True):
    lines: list[Line]
    note: str | None = None


class Total(Struct):
    total: Money
    share: Decimal
    lines: list[Line]


@post("/bills")
async def add(data: JSONBody[Bill]) -> Total:
    return Total(
        money(sum((line.amount * line.quantity for line in data.lines), Decimal(0))), Decimal("0.20"), data.lines
    )


@post("/free", status_code=200)
async def free(data: JSONBody[dict[str, Any]]) -> dict[str, Any]:
    return data


@get("/bills/{number:int}")
async def read(number: FromPath[int], page: FromQuery[int] = 1, page_size: FromQuery[int] = 20) -> dict[str, int]:
    found = paging.page(page, page_size)
    return {"number": number, "limit": found.limit, "offset": found.offset}


@get("/price")
async def price(amount: FromQuery[Money], day: FromQuery[int]) -> dict[str, Money]:
    return {"amount": money(amount + day)}


@get("/broken")
async def broken() -> None:
    raise RuntimeError("SELECT secret FROM patient WHERE name = 'سلمى'")


@get("/deep")
async def deep() -> None:
    raise RecursionError


@get("/busy")
async def busy() -> None:
    raise TooMany


@get("/rules")
async def rules() -> None:
    raise Invalid(
        "Two faults",
        "خطآن",
        errors=[FieldError("a", "x", "A is wrong", "أ خطأ"), FieldError("b", "y", "B is wrong", "ب خطأ")],
        extra={"claim_id": "CLM-1", "status": 200},
    )


def build(**changes: Any) -> Litestar:
    config = AppConfig(route_handlers=[add, free, read, price, broken, deep, busy, rules], openapi_config=None)
    return Litestar.from_config(install(config, HttpSettings(**changes)))


def client_of(app: Litestar) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://test")


@pytest.fixture(scope="module")
def http() -> httpx.AsyncClient:
    return client_of(build(max_body_bytes=2_000_000))


def check_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    problem = answer.json()
    assert problem["status"] == problem["error"] == status
    assert problem["code"] == code
    assert problem["type"] == f"urn:masterlinc:problem:{code}"
    assert problem["trace_id"] == answer.headers["trace-id"]
    assert {"title", "detail", "detail_ar", "errors", "message", "message_ar"} <= problem.keys()
    assert any("\u0600" <= letter <= "\u06ff" for letter in problem["detail_ar"])
    for name in ("x-content-type-options", "cache-control", "content-security-policy", "referrer-policy"):
        assert name in answer.headers
    return problem


async def send(http: httpx.AsyncClient, text: str | bytes, path: str = "/bills", **headers: str) -> httpx.Response:
    return await http.post(path, content=text, headers={"Content-Type": "application/json"} | headers)


async def test_money_is_exact_on_its_whole_way(http):
    answer = await send(http, '{"lines":[{"amount":0.1},{"amount":"0.20"},{"amount":999999999999.00,"quantity":1}]}')
    assert answer.status_code == 201
    assert b'"total":999999999999.30,"share":0.20' in answer.content
    assert b'{"amount":0.10,"quantity":1}' in answer.content


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.decimals(0, 10_000_000, places=2), min_size=1, max_size=5))
def test_money_adds_up_over_http(http, amounts):
    text = json.dumps({"lines": [{"amount": str(amount)} for amount in amounts]})
    answer = asyncio.run(send(http, text))
    assert f'"total":{sum(amounts):.2f}'.encode() in answer.content


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
@given(st.binary(min_size=1) | st.text(min_size=1).map(lambda text: text.encode("utf-8", "replace")))
def test_no_body_ever_breaks_a_route(http, data):
    for path in ("/bills", "/free"):
        assert asyncio.run(send(http, data, path)).status_code in {200, 400, 422}


@pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity", "0x10"])
async def test_attack_90_over_http_what_is_no_number_is_malformed(http, amount):
    check_problem(await send(http, '{"lines":[{"amount":' + amount + "}]}"), 400, "malformed")


@pytest.mark.parametrize(
    "amount",
    [
        '"NaN"',
        "1e999999",
        "-0",
        "-1",
        '"1_000"',
        '" 1 "',
        '"١٢٣"',
        "1e2",
        '"1,000.00"',
        "null",
        "true",
        "10.005",
        "1000000000000",
    ],
)
async def test_attacks_90_and_91_over_http_name_the_field(http, amount):
    problem = check_problem(await send(http, '{"lines":[{"amount":1},{"amount":' + amount + "}]}"), 422, "invalid")
    assert problem["errors"][0]["path"] == "lines[1].amount"


async def test_attack_76_over_http(http):
    check_problem(await send(http, '{"lines":[{"amount":1,"amount":2}]}'), 400, "malformed")
    check_problem(await send(http, '{"a":1,"a":2}', "/free"), 400, "malformed")


async def test_attack_78_over_http(http):
    problem = check_problem(await send(http, '{"lines":[],"note":"a\\u0000"}'), 422, "invalid")
    assert problem["errors"][0]["path"] == "note"


@pytest.mark.parametrize("text", ['"\\ud800"', '"a\\udfffb"', '"\\ud83d\\ud83d"'])
async def test_case_078_half_a_character_is_malformed(http, text):
    check_problem(await send(http, '{"lines":[],"note":' + text + "}"), 400, "malformed")
    check_problem(await send(http, "{" + text + ":1}", "/free"), 400, "malformed")


@pytest.mark.parametrize("depth", [33, 1_100, 100_000])
async def test_attack_79_over_http(http, depth):
    for path in ("/bills", "/free"):
        check_problem(await send(http, '{"unknown":' + "[" * depth + "]" * depth + "}", path), 400, "malformed")


async def test_attack_80_over_http_the_announced_size_is_refused_at_once(http):
    check_problem(await send(http, b" " * 2_000_001), 413, "too-large")


async def test_attack_80_over_http_the_size_is_counted_while_it_arrives(http):
    async def endless():
        while True:
            yield b" " * 65_536

    answer = await http.post("/bills", content=endless(), headers={"Content-Type": "application/json"})
    check_problem(answer, 413, "too-large")


async def test_attack_81_over_http(http):
    check_problem(await send(http, '{"lines":[' + "0," * 500_000 + "0]}"), 413, "too-large")
    text = json.dumps({f"k{n}": n for n in range(1, 100_000)})
    check_problem(await send(http, text), 422, "invalid")
    check_problem(await send(http, '{"lines":"' + "x" * 1_000_000 + '"}'), 422, "invalid")


async def test_attack_82_a_body_in_parts_is_not_taken(http):
    answer = await http.post("/bills", files={f"f{n}": b"x" for n in range(1_000)})
    check_problem(answer, 415, "unsupported-media-type")


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "text/plain",
        "application/json; charset=utf-7",
        "application/xml",
        "json",
        "application/x-www-form-urlencoded",
    ],
)
async def test_attack_83_other_content_types_are_not_taken(http, kind):
    answer = await http.post("/bills", content=b'{"lines":[]}', headers={"Content-Type": kind})
    check_problem(answer, 415, "unsupported-media-type")


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "Application/JSON; charset=UTF-8",
        "application/fhir+json",
        'application/json;charset="utf-8"',
    ],
)
async def test_json_content_types_are_taken(http, kind):
    assert (await http.post("/bills", content=b'{"lines":[]}', headers={"Content-Type": kind})).status_code == 201


async def test_a_packed_body_is_not_taken(http):
    check_problem(await send(http, b"x", **{"Content-Encoding": "gzip"}), 415, "unsupported-media-type")


async def test_a_missing_body_is_malformed(http):
    check_problem(await send(http, b""), 400, "malformed")


async def test_unknown_and_missing_fields_are_invalid(http):
    problem = check_problem(await send(http, '{"lines":[],"paid":true}'), 422, "invalid")
    assert [(one["path"], one["code"]) for one in problem["errors"]] == [("paid", "unknown")]
    problem = check_problem(await send(http, "{}"), 422, "invalid")
    assert [(one["path"], one["code"]) for one in problem["errors"]] == [("lines", "missing")]


async def test_all_faults_of_a_check_are_listed_and_members_cannot_be_overwritten(http):
    problem = check_problem(await http.get("/rules"), 422, "invalid")
    assert [one["path"] for one in problem["errors"]] == ["a", "b"]
    assert problem["claim_id"] == "CLM-1"


async def test_arabic_is_answered_where_it_is_preferred(http):
    problem = check_problem(await http.get("/rules", headers=ARABIC), 422, "invalid")
    assert problem["detail"] == problem["detail_ar"] == problem["message_ar"] == "خطآن"
    assert problem["message"] == "Two faults"
    assert problem["errors"][0]["detail"] == "أ خطأ"
    for header in ("en,ar;q=0.5", "ar;q=0.1,en", "fr", "", "ar;q=x, en;q=0.1", "en-GB,ar"):
        assert (await http.get("/rules", headers={"Accept-Language": header})).json()["detail"] == "Two faults"


async def test_unknown_paths_and_methods(http):
    check_problem(await http.get("/nowhere"), 404, "not-found")
    check_problem(await http.get("/bills/abc"), 404, "not-found")
    problem = await http.put("/bills")
    check_problem(problem, 405, "method-not-allowed")
    assert "POST" in problem.headers["allow"]


async def test_wrong_parameters_are_invalid_and_named(http):
    problem = check_problem(await http.get("/price?amount=1e2&day=x"), 422, "invalid")
    assert [one["path"] for one in problem["errors"]] == ["amount", "day"]
    problem = check_problem(await http.get("/price?amount=1"), 422, "invalid")
    assert [(one["path"], one["code"]) for one in problem["errors"]] == [("day", "missing")]
    assert (await http.get("/price?amount=1.5&day=2")).content == b'{"amount":3.50}'


@pytest.mark.parametrize("query", ["page=1&page=2", "page=1&page_size=2&%70age=2", "day&amount=1&day"])
async def test_attack_75_a_parameter_that_is_written_twice_is_malformed(http, query):
    problem = check_problem(await http.get(f"/bills/7?{query}"), 400, "malformed")
    assert problem["errors"][0]["code"] == "twice"
    assert (await http.get("/bills/7?page=1&&page_size=2&")).status_code == 200


async def test_pages_have_bounds(http):
    assert (await http.get("/bills/7?page=3&page_size=50")).json() == {"number": 7, "limit": 50, "offset": 100}
    problem = check_problem(await http.get("/bills/7?page=0&page_size=101"), 422, "invalid")
    assert [one["path"] for one in problem["errors"]] == ["page_size", "page"]
    check_problem(await http.get("/bills/7?page=1000000"), 422, "invalid")
    assert paging.capped(1000) == (1000, True)
    assert paging.capped(1001) == (1000, False)


@pytest.mark.parametrize("path", ["/broken", "/deep"])
async def test_a_fault_of_ours_says_nothing_of_the_inside(http, path, caplog):
    answer = await http.get(path)
    check_problem(answer, 500, "internal-error")
    assert "secret" not in answer.text
    assert "secret" not in caplog.text
    [record] = [record for record in caplog.records if record.getMessage() == "request failed"]
    assert record.facts["trace_id"] == answer.headers["trace-id"]
    assert "RuntimeError" in record.facts["fault"] or record.facts["fault"] == "RecursionError"


async def test_too_many_says_when_to_come_again(http):
    answer = await http.get("/busy")
    check_problem(answer, 429, "too-many-requests")
    assert answer.headers["retry-after"] == "1"


async def test_the_callers_trace_is_kept(http):
    trace = "0af7651916cd43dd8448eb211c80319c"
    sent = await http.get("/bills/1", headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    assert sent.headers["trace-id"] == trace
    for wrong in (
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        "x",
        f"ff-{trace}-b7ad6b7169203331-01",
        f"00-{trace}-{'0' * 16}-01",
    ):
        answer = await http.get("/bills/1", headers={"traceparent": wrong})
        assert answer.headers["trace-id"] != trace
        assert len(answer.headers["trace-id"]) == 32


async def test_transport_security_is_for_production_only(http):
    assert "strict-transport-security" not in (await http.get("/bills/1")).headers
    assert "strict-transport-security" in (await client_of(build(production=True)).get("/nowhere")).headers


async def test_a_body_that_does_not_arrive_in_time_is_cut():
    async def drip():
        yield b"{"
        await asyncio.Event().wait()

    answer = await client_of(build(body_seconds=0.05)).post(
        "/bills", content=drip(), headers={"Content-Type": "application/json"}
    )
    check_problem(answer, 408, "timed-out")
    assert answer.headers["connection"] == "close"


async def test_a_client_that_leaves_is_no_fault_of_ours(http, caplog):
    async def leave() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    sent: list[Any] = []

    async def keep(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/bills",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
        "root_path": "",
    }
    await build()(scope, leave, keep)
    assert sent[0]["status"] == 400
    assert "request failed" not in caplog.text


@pytest.mark.parametrize("length", [b"-1", b"1e3", b"9" * 30, b"2000001"])
async def test_attack_80_a_false_content_length_is_refused(length):
    async def never() -> dict[str, Any]:
        raise AssertionError

    body = BoundedBody({"headers": [(b"content-length", length)]}, never, Deadlines(1), max_bytes=2_000_000, seconds=1)
    with pytest.raises(DomainError) as refused:
        await body()
    assert refused.value.status in {400, 413}


async def test_a_request_that_somebody_else_cancels_is_cancelled_and_the_timer_rests():
    deadlines = Deadlines(0.01)

    async def wait() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    async def read(seconds: float) -> None:
        await BoundedBody({"headers": []}, wait, deadlines, max_bytes=1, seconds=seconds)()

    cancelled = asyncio.create_task(read(60))
    overdue = asyncio.create_task(read(0.01))
    with pytest.raises(TimedOut):
        await overdue
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert overdue.cancelling() == 0


def test_exact_numbers_are_bounded_numbers_in_the_api_document():
    from litestar.openapi import OpenAPIConfig

    config = AppConfig(route_handlers=[add], openapi_config=OpenAPIConfig(title="t", version="1"))
    schemas = Litestar.from_config(install(config, HttpSettings())).openapi_schema.to_schema()["components"]["schemas"]
    line = next(schema for name, schema in schemas.items() if name.endswith("Line"))
    amount = line["properties"]["amount"]
    assert (amount["type"], amount["minimum"], amount["maximum"], amount["multipleOf"]) == (
        "number",
        0,
        999_999_999_999.99,
        0.01,
    )
    assert line["properties"]["quantity"]["type"] == "number"
