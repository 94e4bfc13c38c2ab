import pytest
import pytest_asyncio
from policy_builders import Insured, insure

from masterlinc.context import Context
from masterlinc.testing import MakePrincipal, Running


@pytest.fixture
def payer(running: Running, make_principal: MakePrincipal) -> Context:
    """This agent as an administrator of a new payer sees it."""
    return running.context("policylinc", make_principal("payer_admin"))


@pytest_asyncio.fixture(loop_scope="session")
async def insured(payer: Context) -> Insured:
    """A member of a new payer."""
    return await insure(payer, payer.principal.organization_id)
