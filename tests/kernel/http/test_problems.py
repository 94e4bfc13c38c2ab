"""Which error becomes of what was raised."""

import asyncpg
import pytest
from litestar.exceptions import (
    HTTPException,
    InternalServerException,
    NotAuthorizedException,
    ServiceUnavailableException,
    ValidationException,
)

from masterlinc.errors import Conflict
from masterlinc.http import paging
from masterlinc.http.body import BoundedBody, Deadlines
from masterlinc.http.problems import as_domain_error


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (NotAuthorizedException(), 401),
        (HTTPException(status_code=406), 406),
        (HTTPException(status_code=418), 400),
        (InternalServerException(), 500),
        (ServiceUnavailableException(), 503),
        (ValidationException("odd"), 422),
        (asyncpg.UntranslatableCharacterError("x"), 422),
        (asyncpg.QueryCanceledError("x"), 503),
        (asyncpg.ConnectionDoesNotExistError("x"), 503),
        (asyncpg.SerializationError("x"), 503),
        (asyncpg.UniqueViolationError("Key (name)=(سلمى)"), 500),
        (ExceptionGroup("g", [ExceptionGroup("h", [Conflict()])]), 409),
        (ExceptionGroup("g", [Conflict(), Conflict()]), 500),
        (OSError("/etc/secret"), 500),
    ],
    ids=repr,
)
def test_each_fault_has_its_status_and_words(fault, status):
    error = as_domain_error(fault)
    assert error.status == status
    assert error.detail_ar
    assert "سلمى" not in error.detail
    assert "secret" not in error.detail


async def test_a_receive_that_breaks_leaves_no_deadline_behind():
    async def broken():
        raise BrokenPipeError

    deadlines = Deadlines(60)
    with pytest.raises(BrokenPipeError):
        await BoundedBody({"headers": []}, broken, deadlines, max_bytes=1, seconds=60)()
    assert deadlines._waiting == {}


async def test_counting_stops_just_beyond_the_limit(services):
    async with services.db.transaction() as transaction:
        many = await transaction.fetchval(paging.count_sql("SELECT generate_series(1, 100000)"))
        few = await transaction.fetchval(paging.count_sql("SELECT generate_series(1, $1)"), 7)
    assert paging.capped(many) == (1_000, False)
    assert paging.capped(few) == (7, True)
