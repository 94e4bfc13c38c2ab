"""The commands of an operator, over the whole system."""

import json
from datetime import UTC, datetime
from functools import partial

import pytest
import pytest_asyncio

from masterlinc import cli
from masterlinc.errors import Invalid, NotFound
from masterlinc.events import cli as events_cli
from masterlinc.events import subscriptions
from masterlinc.ids import new_id, show
from masterlinc.testing import MASTER_KEY, DatabaseUrls


async def command(services, *words: str) -> None:
    """Run a command with these services in place of those that it would open."""
    import argparse

    work = []
    parser = argparse.ArgumentParser()
    events_cli.add(parser.add_subparsers(), work.append)
    options = parser.parse_args(["events", *words])
    options.run(options)
    await work[0](services)


async def parked(kernel, toy):
    services = await kernel(toy.agent())
    await subscriptions.register(services)
    toy.poison = {1}
    await toy.publish(services, [1, 2], aggregate=new_id())
    await toy.work(services)
    toy.poison = set()
    return partial(command, services), services


async def test_subscriptions_are_listed_with_what_waits(kernel, toy, capsys):
    run, _ = await parked(kernel, toy)
    await run("subscriptions")
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == ["subscription", "pending", "oldest", "parked", "event"]
    assert [(row[0], row[1], row[4], row[5]) for row in rows[1:]] == [
        ("toy.count", "1", "1", "toy.toy_made.v1"),
        ("toy.show", "1", "1", "toy.toy_made.v1"),
    ]


async def test_dead_letters_are_listed_and_redriven(kernel, toy, capsys):
    run, services = await parked(kernel, toy)
    await run("dead-letters", "--subscription", "toy.count")
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    event = next(word for word in line.split() if word.startswith("EVT-"))
    assert "toy.count  toy.toy_made.v1  RuntimeError at run" in line
    assert "(attempts: 1, 1 behind it)" in line
    await run("redrive", "toy.count", "--event", event)
    await run("redrive", "toy.show", "--all")
    assert capsys.readouterr().out == "1 handed out again\n" * 2
    await toy.work(services)
    assert toy.taken == {"count": [1, 2], "show": [1, 2]}
    await run("dead-letters", "--event", "toy.toy_made.v1")
    assert capsys.readouterr().out == "nothing is parked\n"
    with pytest.raises(NotFound):
        await run("redrive", "toy.count", "--event", event)


async def test_a_replay_is_queued_to_its_end_and_left_to_who_serves(kernel, toy, capsys):
    run, services = await parked(kernel, toy)
    await run("replay", "toy.count", "--from", datetime.now(UTC).date().replace(day=1).isoformat())
    assert capsys.readouterr().out == "2 deliveries queued\n"
    await toy.work(services)
    assert toy.taken["count"] == [1, 2]
    with pytest.raises(Invalid):
        await run("replay", "toy.count", "--from", show("EVT", new_id()))


def test_the_document_is_printed(capsys, monkeypatch):
    monkeypatch.setenv("MASTERLINC_PROFILE", "testing")
    assert cli.main(["events", "asyncapi"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert "claimlinc_claim_submitted_v1" in document["channels"]


def test_one_or_all_has_to_be_said(capsys):
    with pytest.raises(SystemExit):
        cli.main(["events", "redrive", "toy.count"])
    assert "one of the arguments --event --all is required" in capsys.readouterr().err


@pytest_asyncio.fixture(loop_scope="session")
async def database(new_database) -> DatabaseUrls:
    return await new_database()


def test_the_commands_open_the_configured_database(database, capsys, monkeypatch):
    monkeypatch.setenv("MASTERLINC_PROFILE", "testing")
    monkeypatch.setenv("MASTERLINC_DATABASE__URL", database.app)
    monkeypatch.setenv("MASTERLINC_SECURITY__MASTER_KEY", MASTER_KEY)
    assert cli.main(["events", "dead-letters"]) == 0
    assert capsys.readouterr().out == "nothing is parked\n"
    assert cli.main(["events", "replay", "toy.nothing", "--from", "2020-01-01"]) == 1
    assert capsys.readouterr().err == "masterlinc: subscription: There is no such subscription\n"
