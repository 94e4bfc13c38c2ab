"""Ageing: how long claims wait, by provider and payer, against the 45 days; the days are those of Riyadh."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
import pytest_asyncio
from claim_acts import answered, cancelled
from claim_builders import line
from claim_deciding import claim, record
from claim_parties import make_parties
from claim_paying import pay

from claimlinc.service import ageing
from masterlinc import ids
from masterlinc.cli import main
from masterlinc.clock import today
from masterlinc.errors import Invalid
from masterlinc.testing import MASTER_KEY


async def aged(ctx, days=0, counted_from="submission"):
    return await ageing.show(ctx, counted_from, (today(ctx.clock) + timedelta(days=days)).isoformat())


def told(found):
    return {
        one.waits_for: (one.claims, one.amount, one.late, [band.claims for band in one.bands]) for one in found.groups
    }


async def test_claims_wait_for_their_answer_or_their_money_and_are_late_after_45_days(quiet):
    await record(quiet, claim(quiet, line("100")))
    await answered(quiet, claim(quiet))
    gone, _ = await answered(quiet, claim(quiet, line("50")))
    await cancelled(quiet, gone)
    for ctx in (quiet.provider, quiet.payer):
        found = await aged(ctx, 45)
        assert {one.payer_id for one in found.groups} == {ids.show("ORG", quiet.payer_id)}
        assert told(found) == {
            "answer": (1, Decimal(100), 0, [0, 0, 1, 0, 0, 0]),
            "payment": (1, Decimal("195.50"), 0, [0, 0, 1, 0, 0, 0]),
        }
        assert told(await aged(ctx, 46)) == {
            "answer": (1, Decimal(100), 1, [0, 0, 0, 1, 0, 0]),
            "payment": (1, Decimal("195.50"), 1, [0, 0, 0, 1, 0, 0]),
        }
    assert told(await aged(quiet.provider, 91, "answer")) == {"payment": (1, Decimal("195.50"), 1, [0, 0, 0, 0, 0, 1])}


async def test_what_is_paid_waits_no_more_and_tells_how_long_it_took(quiet, desk):
    await answered(quiet, claim(quiet))
    await pay(desk, quiet)
    assert told(await aged(quiet.provider, 60)) == {}
    assert told(await aged(quiet.payer, 60, "payment")) == {"nothing": (1, Decimal("195.50"), 0, [1, 0, 0, 0, 0, 0])}


async def test_a_claim_that_was_filed_late_is_counted(quiet):
    """The service was on 10 March 2026, months before this test's day."""
    await record(quiet, claim(quiet))
    late = (today(quiet.provider.clock) - claim(quiet).lines[0].service_date).days > 45
    assert (await aged(quiet.provider)).filed_late == int(late)


async def test_a_stranger_sees_none_of_it(quiet, running_quietly, make_principal):
    await record(quiet, claim(quiet))
    other = await make_parties(running_quietly, make_principal)
    assert (await aged(other.provider)).groups == []
    assert (await aged(other.payer)).groups == []


async def test_what_is_asked_wrongly_is_refused_with_its_field(quiet):
    with pytest.raises(Invalid) as refused:
        await ageing.show(quiet.provider, "birth", "soon")
    assert [one.path for one in refused.value.errors] == ["counted_from", "as_of"]


def test_the_command_tells_the_same(aged_database, monkeypatch, capsys):
    settings, organization = aged_database
    monkeypatch.setenv("MASTERLINC_DATABASE__URL", settings.database.url.reveal())
    monkeypatch.setenv("MASTERLINC_SECURITY__MASTER_KEY", MASTER_KEY)
    monkeypatch.setenv("MASTERLINC_PROFILE", "testing")
    assert main(["ageing", "--organization", organization]) == 0
    said = capsys.readouterr().out
    assert f"{organization} at ORG-" in said
    assert "for answer: 1 claims, SAR 100.00; late 0, SAR 0.00" in said
    assert main(["ageing", "--organization", organization, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["groups"][0]["claims"] == 1
    assert main(["ageing", "--organization", organization, "--as-of", "soon"]) == 1
    assert "as_of" in capsys.readouterr().err


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def aged_database(running_quietly, make_principal):
    """The settings of a database with one claim that waits, and its provider."""
    parties = await make_parties(running_quietly, make_principal)
    await record(parties, claim(parties, line("100")))
    return running_quietly.services.settings, ids.show("ORG", parties.provider_id)
