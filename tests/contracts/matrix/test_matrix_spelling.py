"""The same routes by other methods, other spellings of their path, and headers that pretend (case 53)."""

import re

import pytest
from asking import paths_of
from cells import NOBODY, ROLELESS

METHODS = ("GET", "HEAD", "OPTIONS", "TRACE", "POST", "PUT", "PATCH", "DELETE", "PROPFIND")
OVERRIDES = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-URL", "X-Rewrite-URL")
CLOSED = {401, 403, 404, 405}
SPELLINGS = {
    "slash behind": lambda path: f"{path}/",
    "slash before": lambda path: f"/{path}",
    "slashes within": lambda path: path.replace("/api/v1/", "/api//v1//"),
    "escaped slash": lambda path: path[0] + path[1:].replace("/", "%2f"),
    "escaped letter": lambda path: path[:1] + f"%{ord(path[1]):02x}" + path[2:],
    "parameter": lambda path: f"{path};a=b",
    "capitals": lambda path: path.upper(),
    "dots": lambda path: f"/health/..{path}",
    "ending": lambda path: f"{path}.json",
    "nul": lambda path: f"{path}%00",
}


def filled(path):
    return re.sub(r"\{\w+\}", "X-1", path)


@pytest.fixture
def closed(routes):
    """The paths whose every route asks for a permission, with their methods."""
    public = {route.path for route in routes if not route.permission}
    return {path: methods for path, methods in paths_of(routes).items() if path not in public}


@pytest.mark.parametrize("who", [NOBODY, ROLELESS])
async def test_no_method_opens_what_another_keeps_shut(asker, closed, who):
    home, opened = asker.peopled.providers[0], []
    for path in closed:
        for method in METHODS:
            answer = await asker.send(method, filled(path), await asker.headers(who, home), {})
            if answer.status not in CLOSED:
                opened.append(f"{method} {path} as {who}: {answer.status}")
    assert opened == []
    assert len(closed) >= 30


async def test_a_method_that_a_path_does_not_take_is_refused_for_the_most_powerful_too(asker, closed):
    home, taken = asker.peopled.providers[0], []
    for path, methods in closed.items():
        for method in {*METHODS} - methods - {"OPTIONS"}:
            answer = await asker.send(method, filled(path), await asker.headers("admin", home), {})
            if answer.status not in {404, 405}:
                taken.append(f"{method} {path}: {answer.status}")
    assert taken == []


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("who", [NOBODY, ROLELESS])
async def test_another_spelling_of_a_path_opens_nothing(asker, closed, who, spelling):
    home, opened = asker.peopled.providers[0], []
    for path, methods in closed.items():
        for method in methods:
            asked = SPELLINGS[spelling](filled(path))
            answer = await asker.send(method, asked, await asker.headers(who, home), {})
            if answer.status not in CLOSED:
                opened.append(f"{method} {asked} as {who}: {answer.status}")
    assert opened == []


@pytest.mark.parametrize("header", OVERRIDES)
async def test_a_header_that_names_another_method_or_path_changes_nothing(asker, closed, header):
    home, opened = asker.peopled.providers[0], []
    value = "/health" if "URL" in header else "GET"
    for path, methods in closed.items():
        for method in methods:
            headers = await asker.headers(ROLELESS, home) | {header: value}
            answer = await asker.send(method, filled(path), headers, {})
            if answer.status != 403:
                opened.append(f"{method} {path} with {header}: {answer.status}")
    assert opened == []
