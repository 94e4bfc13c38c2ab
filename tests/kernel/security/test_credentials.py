"""Kinds of bearer credentials: told by their prefix, and never two alike."""

from dataclasses import replace

import pytest
from gates import Gate

from masterlinc import runtime
from masterlinc.agent import Agent, Credential
from masterlinc.app import credentials_of
from masterlinc.errors import StartupError
from masterlinc.registry import Registry
from masterlinc.security.credentials import Credentials
from masterlinc.security.tokens import TokenRefused
from masterlinc.testing import DatabaseUrls, settings_for


def test_a_prefix_says_who_verifies() -> None:
    gate = Gate()
    other = replace(gate.verify(gate.token()), kind="key")
    credentials = Credentials(gate.verifier, {"tst_": lambda key: other if key == "tst_1" else refuse()})
    assert credentials.verify("tst_1") is other
    assert credentials.verify(gate.token()).kind == "user"
    for wrong in ("tst_2", "tst", "TST_1", "", "tst"):
        with pytest.raises(TokenRefused):
            credentials.verify(wrong)


def refuse() -> None:
    raise TokenRefused("unknown")


@pytest.mark.parametrize(("first", "second"), [("abc_", "abc_"), ("abc_", "abc_d_"), ("abc_d_", "abc_")])
def test_two_kinds_that_begin_alike_stop_the_start(first: str, second: str) -> None:
    agents = [
        Agent(
            name=name,
            title=name,
            title_ar="وكيل",
            version="1",
            kernel=">=0.1,<1",
            credentials=(Credential(prefix, lambda _, __: refuse()),),
        )
        for name, prefix in (("onelinc", first), ("twolinc", second))
    ]
    services = runtime.build(settings_for(DatabaseUrls("", "")), Registry((), {}, {}, {}))
    with pytest.raises(StartupError, match=r"agent twolinc: another kind of credential begins like abc_"):
        credentials_of(services, agents)
