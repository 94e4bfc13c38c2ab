"""A database that has published before is brought to this version with all that it holds."""

import shutil

import asyncpg

from masterlinc.db.migrate import KERNEL, Folder, migrate, migrations_folder
from masterlinc.events import relay, replay, subscriptions
from masterlinc.ids import new_id


async def test_what_was_published_before_is_delivered_and_replayed(kernel, empty, toy, tmp_path):
    folder = migrations_folder() / KERNEL
    for path in sorted(folder.glob("000[1-4]_*.py")):
        shutil.copy(path, tmp_path)
    await migrate(empty.owner, [Folder(KERNEL, tmp_path)])
    aggregate, organization = new_id(), new_id()
    owner = await asyncpg.connect(empty.owner)
    await owner.execute("INSERT INTO masterlinc.subscription VALUES ('toy.count', 'toy', 'toy.toy_made.v1', 3)")
    for number in (1, 2, 3):
        await owner.execute(
            "SELECT masterlinc.publish(jsonb_build_array(jsonb_build_object('id', $1::uuid,"
            " 'organization_id', $2::uuid, 'name', 'toy.toy_made.v1', 'aggregate', $3::uuid, 'payload', $4::jsonb)))",
            new_id(),
            organization,
            aggregate,
            f'{{"type": "toy.toy_made.v1", "number": {number}}}',
        )
    await owner.execute("UPDATE masterlinc.delivery SET state = 'done', attempts = 2 WHERE aggregate_seq = 1")
    await owner.execute("UPDATE masterlinc.delivery SET state = 'parked', attempts = 3 WHERE aggregate_seq = 2")
    await migrate(empty.owner, [Folder(KERNEL, folder)])
    rows = await owner.fetch("SELECT * FROM masterlinc.delivery ORDER BY aggregate_seq")
    assert [(row["fence"], row["organization_id"]) for row in rows] == [
        (2, organization),
        (3, organization),
        (0, organization),
    ]
    assert rows[1]["finished_at"] is not None
    newest = await owner.fetchrow("SELECT xid, id FROM masterlinc.event WHERE aggregate_seq = 3")
    counter = await owner.fetchrow("SELECT seq, xid, last_event FROM masterlinc.aggregate")
    assert tuple(counter) == (3, newest["xid"], newest["id"])
    await owner.close()

    services = await kernel(toy.agent(), urls=empty)
    await subscriptions.register(services)
    assert await relay.claim(services, ["toy"], 10) == []  # the third waits behind the second
    async with services.db.transaction() as transaction:
        await replay.ask(transaction, "toy.count", replay.point("2020-01-01"), organizations=None, asked_by=None)
    while await replay.advance(services):
        pass
    await toy.publish(services, [4], aggregate=aggregate)
    await toy.work(services)
    assert toy.taken["count"] == [1, 2, 3, 4]
