import pytest_asyncio
from claim_parties import Parties, make_parties

from masterlinc.testing import MakePrincipal, Running


@pytest_asyncio.fixture(loop_scope="session")
async def parties(running: Running, make_principal: MakePrincipal) -> Parties:
    return await make_parties(running, make_principal)


@pytest_asyncio.fixture(loop_scope="session")
async def another_parties(running: Running, make_principal: MakePrincipal) -> Parties:
    return await make_parties(running, make_principal)
