"""`masterlinc keys` on a system that serves: its data is the demo's, of every agent."""

import asyncio
import base64
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from auditlinc.service import reporting
from authlinc.service import emergency, factors
from claimlinc.service import cases, snapshot
from masterlinc.agent import DemoPlan
from masterlinc.audit import keys as audit_keys
from masterlinc.context import Context
from masterlinc.demo.population import people
from masterlinc.idempotency import RequestKey
from masterlinc.ids import show
from masterlinc.kernel_agent import KERNEL
from masterlinc.keys import resealing
from masterlinc.plans import control, starting
from masterlinc.registry import discover
from masterlinc.routes import inbox
from masterlinc.sealing import KeyDestroyed
from masterlinc.sealing.masters import MasterKeys, decoded
from masterlinc.security.principal import NOBODY, service_principal
from masterlinc.testing import MASTER_KEY, DatabaseUrls, NewDatabase, RunApp, Running, bearer, client_of

LENIENT = {"strictness": "envelope", "simulator": {"auto_enrol": True, "default_payer": "N-I-00001"}}
NEW_KEY = base64.b64encode(bytes(range(100, 132))).decode()
OLD_ID, NEW_ID = (MasterKeys(decoded(key)).current for key in (MASTER_KEY, NEW_KEY))
# The demo leaves nothing in these: their labels are compared with those of the code.
ID, HASH = UUID(int=7), bytes(range(32))
ROW = {
    "workflow_id": ID,
    "user_id": ID,
    "id": ID,
    "event_id": ID,
    "claim_id": ID,
    "case_id": ID,
    "number": 3,
    "position": 3,
    "route": "POST /x",
    "key_hash": HASH,
}
LABELS = {
    "masterlinc.idempotency.response": RequestKey(ID, ID, "POST /x", HASH, HASH).label,
    "masterlinc.step_payload.input": starting.label(ID, 3, "input"),
    "masterlinc.step_payload.output": starting.label(ID, 3, "output"),
    "masterlinc.step_payload.undo_input": starting.label(ID, 3, "undo_input"),
    "masterlinc.workflow_signal.payload": control.signal_label(ID),
    "masterlinc.message.content": inbox._label(ID),
    "auditlinc.reported.sealed": f"{reporting._LABEL}/{ID}",
    "authlinc.second_factor.secret": factors._label(ID),
    "authlinc.emergency_access.reason": emergency._label(ID),
    "doctorlinc.appointment.notes": f"doctorlinc.appointment.notes/{ID}",
    "claimlinc.review_step.said": cases._label(ID, 3),
    "claimlinc.claim_attachment.sealed": snapshot._attachment_label(ID, 3),
}

DIES = """
import os, signal, sys
from masterlinc import cli
from masterlinc.keys import resealing, rotation
from masterlinc.db import Database
resealing.BATCH = resealing.PAGE = rotation.BATCH = 2
run, batches = Database.run, 0
opened = Database.transaction
def counted(self, *arguments, **options):
    global batches
    batches += 1
    if batches > int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)
    return opened(self, *arguments, **options)
Database.transaction = counted
sys.exit(cli.main(sys.argv[2:]))
"""


@dataclass
class Demo:
    """A system with data, and its database as the owner sees it."""

    running: Running
    urls: DatabaseUrls
    owner: Any

    async def command(self, *words: str, start: tuple[str, ...] = ("-m", "masterlinc.cli"), **settings: str) -> Any:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("MASTERLINC_")}
        own = {
            "DATABASE__OWNER_URL": self.urls.owner,
            "SECURITY__MASTER_KEY": MASTER_KEY,
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *start, *words),
            env=clean | {f"MASTERLINC_{name}": value for name, value in (own | settings).items()},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(120):
            out, err = await process.communicate()
        return process.returncode, out.decode().strip().splitlines(), err.decode().strip().splitlines()

    async def keys(self, *words: str, **settings: str) -> list[str]:
        """Run a command that goes well; what it says."""
        code, out, err = await self.command("keys", *words, **settings)
        assert (code, err) == (0, []), err
        return list(out)

    async def refused(self, *words: str, **settings: str) -> str:
        """Run a command that does not; the one line."""
        code, _, err = await self.command("keys", *words, **settings)
        assert (code, len(err)) == (1, 1), err
        return str(err[0])

    async def sealed(self) -> dict[str, dict[UUID, int]]:
        """How many values of each column each key has sealed."""
        found = {}
        for agent in (KERNEL, *discover()[0]):
            for one in agent.sealed:
                rows = await self.owner.fetch(
                    f"SELECT encode(substr({one.column}, 2, 16), 'hex')::uuid AS key, count(*) AS count"
                    f" FROM {agent.name}.{one.table} WHERE {one.column} IS NOT NULL GROUP BY 1"
                )
                found[f"{agent.name}.{one.table}.{one.column}"] = {row["key"]: row["count"] for row in rows}
        return found

    async def retired(self) -> set[UUID]:
        rows = await self.owner.fetch("SELECT id FROM masterlinc.data_key WHERE retired_at IS NOT NULL")
        return {row["id"] for row in rows}

    async def opens(self) -> None:
        """What is sealed opens, by the agents' own code."""
        home = await self.owner.fetchval("SELECT organization_id FROM doctorlinc.patient LIMIT 1")
        headers = bearer(self.running, service_principal("test", frozenset({home})))
        async with client_of(self.running) as http:
            for path in ("/api/v1/patients", "/api/v1/claims"):
                answer = await http.get(f"{path}?page_size=100", headers=headers)
                assert answer.status_code == 200, answer.text
                assert answer.json()["total"] > 10

    async def age(self) -> None:
        """Let the retired keys have been retired long ago."""
        await self.owner.execute(
            "UPDATE masterlinc.data_key SET used_from = used_from - interval '1 hour',"
            " retired_at = retired_at - interval '1 hour', xid = pg_current_xact_id() WHERE retired_at IS NOT NULL"
        )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(new_database: NewDatabase, run_app: RunApp) -> AsyncIterator[Demo]:
    urls = await new_database()
    running = await run_app(urls, nphieslinc=LENIENT)
    plan = DemoPlan(1447, "a password of the demo", people(1447, 30), 40, lambda _: None)
    for agent in running.services.registry.agents:
        if agent.demo is not None:
            principal = service_principal(agent.name, frozenset())
            await agent.demo(Context(agent.name, running.services, principal, trace_id="demo"), plan)
    await running.dispatcher.idle()
    async with running.services.db.transaction() as transaction:
        await audit_keys.current(transaction, running.services.vault, running.services.clock.now())  # not in the midst
    owner = await asyncpg.connect(urls.owner)
    yield Demo(running, urls, owner)
    await owner.close()


def columns() -> dict[str, Any]:
    return {f"{agent.name}.{one.table}.{one.column}": one for agent in (KERNEL, *discover()[0]) for one in agent.sealed}


@pytest.mark.parametrize("name", LABELS)
def test_what_the_demo_lacks_is_declared_with_the_label_of_the_code(name: str):
    label = columns()[name].label.format_map({key: resealing._written(value) for key, value in ROW.items()})
    assert label == LABELS[name]


async def test_the_demo_has_values_in_every_other_column(demo: Demo):
    assert {name for name, found in (await demo.sealed()).items() if not found} == set(LABELS)


async def test_keys_are_changed_while_the_system_serves_and_destroyed_when_they_seal_nothing(demo: Demo):
    before = await demo.sealed()
    assert (await demo.keys("status"))[1].startswith("data keys: ")
    made = await demo.keys("rotate-data")
    assert "new keys seal" in made[-1]
    retired = await demo.retired()
    assert {key for found in before.values() for key in found} <= retired
    assert any("run: masterlinc keys reseal" in line for line in await demo.keys("status"))
    said = await demo.keys("reseal")
    assert said[-1] == f"{sum(sum(found.values()) for found in before.values())} values sealed anew"
    after = await demo.sealed()
    assert {name: sum(found.values()) for name, found in after.items()} == {
        name: sum(found.values()) for name, found in before.items()
    }
    assert not retired & {key for found in after.values() for key in found}
    await demo.opens()
    assert (await demo.keys("destroy", "--unused")) == ["0 keys destroyed"]  # a transaction may still hold a value
    await demo.age()
    assert (await demo.keys("destroy", "--unused")) == [f"{len(retired)} keys destroyed"]
    assert f"{len(retired)} destroyed" in (await demo.keys("status"))[1]
    await demo.opens()
    assert (await demo.keys("reseal")) == ["0 values sealed anew"]


async def test_sealing_anew_that_is_killed_goes_on_where_it_was(demo: Demo):
    await demo.keys("rotate-data")
    retired, before = await demo.retired(), await demo.sealed()
    total = sum(sum(found.values()) for found in before.values())
    code, _, _ = await demo.command("60", "keys", "reseal", start=("-c", DIES))
    assert code == -9
    left = sum(count for found in (await demo.sealed()).values() for key, count in found.items() if key in retired)
    assert 0 < left < total
    await demo.opens()
    assert (await demo.keys("reseal"))[-1] == f"{left} values sealed anew"
    assert not retired & {key for found in (await demo.sealed()).values() for key in found}
    await demo.opens()


async def test_another_master_key_wraps_every_key_also_after_a_kill(demo: Demo):
    both = {"SECURITY__MASTER_KEY": NEW_KEY, "SECURITY__FORMER_MASTER_KEYS": json.dumps([MASTER_KEY])}
    assert "another security.master_key" in await demo.refused("rotate-master", SECURITY__MASTER_KEY=NEW_KEY)
    code, _, _ = await demo.command("6", "keys", "rotate-master", start=("-c", DIES), **both)
    assert code == -9
    by = {row[0] for row in await demo.owner.fetch("SELECT DISTINCT master_id FROM masterlinc.data_key")}
    assert by == {OLD_ID, NEW_ID}
    await demo.opens()  # this process knows the old one only, and keeps what it can open
    assert any("run: masterlinc keys rotate-master" in line for line in await demo.keys("status", **both))
    said = await demo.keys("rotate-master", **both)
    assert said[-2:] == [f"{said[-2].split()[0]} keys wrapped anew", "security.former_master_keys is needed no more"]
    assert (await demo.keys("rotate-master", SECURITY__MASTER_KEY=NEW_KEY))[0].startswith("every key is wrapped")
    assert "another security.master_key" in await demo.refused("status")
    await demo.opens()
    back = {"SECURITY__FORMER_MASTER_KEYS": json.dumps([NEW_KEY])}
    await demo.keys("rotate-master", **back)


async def test_the_keys_of_one_organization_are_changed_alone(demo: Demo):
    home = await demo.owner.fetchval("SELECT organization_id FROM doctorlinc.patient LIMIT 1")
    known = {row[0] for row in await demo.owner.fetch("SELECT id FROM masterlinc.data_key")}
    await demo.keys("rotate-data", "--organization", show("ORG", home))
    made = await demo.owner.fetch(
        "SELECT organization_id, retired_at FROM masterlinc.data_key WHERE id <> ALL ($1::uuid[])", known
    )
    assert [(row["organization_id"], row["retired_at"]) for row in made] == [(home, None)]
    assert "no number of an organization" in await demo.refused("rotate-data", "--organization", "ORG-1")
    assert "there is no such key" in await demo.refused("rotate-data", "--organization", show("ORG", ID))


async def test_all_that_is_sealed_of_an_organization_is_destroyed_when_it_is_said_twice(demo: Demo):
    ours = demo.running.services.vault
    home = await demo.owner.fetchval("SELECT organization_id FROM policylinc.member_identifier LIMIT 1")
    number, other = show("ORG", home), show("ORG", NOBODY)
    row = await demo.owner.fetchrow("SELECT * FROM policylinc.member_identifier WHERE organization_id = $1", home)
    label = f"member_identifier/{row['member_id']}"
    assert ours.open(home, label, row["sealed"])
    assert "--yes-destroy" in await demo.refused("destroy", "--organization", number)
    assert "--yes-destroy" in await demo.refused("destroy", "--organization", number, "--yes-destroy", other)
    assert "sign in" in await demo.refused("destroy", "--organization", other, "--yes-destroy", other)
    assert ours.open(home, label, row["sealed"])
    said = await demo.keys("destroy", "--organization", number, "--yes-destroy", number)
    assert said[0].endswith("what they sealed never opens again")
    await demo.running.services.keys.look()
    with pytest.raises(KeyDestroyed):
        ours.open(home, label, row["sealed"])
    sealed = ours.seal(home, "label", b"what comes after")
    assert ours.open(home, "label", sealed) == b"what comes after"
    wrapped = await demo.owner.fetchval(
        "SELECT count(*) FROM masterlinc.data_key WHERE organization_id = $1 AND wrapped IS NOT NULL", home
    )
    assert wrapped == 0
    audited = {row[0] for row in await demo.owner.fetch("SELECT DISTINCT action FROM masterlinc.audit_event")}
    assert {"keys.rotate_data", "keys.rotate_master", "keys.destroy_unused", "keys.destroy_organization"} <= audited


async def test_without_the_owner_s_address_it_is_one_line(demo: Demo):
    for words in (("status",), ("reseal",), ("destroy", "--unused")):
        assert "database.owner_url is not set" in await demo.refused(*words, DATABASE__OWNER_URL="")


@pytest.mark.parametrize("words", [(), ("status",), ("rotate-master",), ("rotate-data",), ("reseal",), ("destroy",)])
async def test_every_command_explains_itself(demo: Demo, words: tuple[str, ...]):
    code, out, err = await demo.command("keys", *words, "--help")
    assert (code, err) == (0, [])
    assert len(out) > 3
