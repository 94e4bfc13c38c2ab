"""Attack cases of what every answer carries, good or bad."""

from bodies import EVERYBODY, shapes

PROTECTING = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
}
KEY = "WFL-" + "0" * 26


def requests(house) -> list[tuple[str, str]]:
    """One request for each route with each method, those that it does not take included."""
    paths = list(shapes(house.running.app)["paths"])
    fitting = [path.replace("{", "\0").split("\0")[0] + (KEY if "{" in path else "") for path in paths]
    return [
        (method, path) for path in fitting for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
    ]


async def test_case_152_every_answer_has_its_headers(house):
    caller, seen, bare = house.caller(*EVERYBODY), set(), []
    for method, path in [*requests(house), ("GET", "/nowhere"), ("TRACE", "/health")]:
        for headers in ({}, caller.headers):
            answer = await house.http.request(method, path, headers=headers)
            seen.add(answer.status_code // 100)
            if path == "/.well-known/jwks.json":
                continue  # public keys, which others may keep for a minute
            kept = {name: answer.headers.get(name) for name in PROTECTING}
            policy = answer.headers.get("content-security-policy", "")
            told = {"server", "x-powered-by", "via"} & set(answer.headers)
            if kept != PROTECTING or "frame-ancestors 'none'" not in policy or told or "trace-id" not in answer.headers:
                bare.append((method, path, answer.status_code, kept, policy, told))
    assert seen >= {2, 4}
    assert bare == []


async def test_no_route_redirects(house):
    for method, path in requests(house):
        for spelled in (path, f"{path}/", path.upper()):
            answer = await house.http.request(method, spelled, headers=house.caller("nurse").headers)
            assert not 300 <= answer.status_code < 400, (method, spelled)
            assert method == "POST" or "location" not in answer.headers
