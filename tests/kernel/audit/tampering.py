"""Ways to change an audit unseen, as somebody would who rules the database and lacks the sealing key."""

from collections.abc import Awaitable, Callable
from random import Random
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from masterlinc.audit.format import KEY, NO_SEAL, Seal, root
from masterlinc.ids import new_id
from masterlinc.security.keys import key_id, raw

Tamper = Callable[[Any, Random], Awaitable[UUID | None]]  # answers the row that was changed, where it is one

_ROW = (
    "SELECT e.* FROM masterlinc.audit_event e, masterlinc.audit_seal s WHERE (e.xid, e.id) <= (s.last_xid, s.last_id)"
)
_TEXTS = ("actor_kind", "purpose", "action", "resource", "outcome", "trace_id", "address", "resource_id")
_UUIDS = ("organization_id", "actor_id", "session_id", "patient", "actor_organization_id")


async def some_row(connection, random, but=()):
    rows = await connection.fetch(
        "SELECT * FROM masterlinc.audit_event WHERE (xid, id) <= "
        "(SELECT last_xid, last_id FROM masterlinc.audit_seal ORDER BY number DESC LIMIT 1) ORDER BY xid, id"
    )
    return random.choice([row for row in rows if row["id"] not in but])


async def set_column(connection, row, name, value):
    await connection.execute(f"UPDATE masterlinc.audit_event SET {name} = $2 WHERE id = $1", row["id"], value)


async def change_text(connection, random):
    row, name = await some_row(connection, random), random.choice(_TEXTS)
    await set_column(connection, row, name, (row[name] + "x")[-60:])
    return row["id"]


async def change_who(connection, random):
    row, name = await some_row(connection, random), random.choice(_UUIDS)
    await set_column(connection, row, name, random.choice([new_id(), None]) if row[name] else new_id())
    return row["id"]


async def change_time(connection, random):
    row = await some_row(connection, random)
    await connection.execute(
        "UPDATE masterlinc.audit_event SET at = at + $2 * interval '1 microsecond' WHERE id = $1",
        row["id"],
        random.choice([-1, 1, 10**9]),
    )
    return row["id"]


async def change_detail(connection, random):
    row = await some_row(connection, random)
    await connection.execute(
        "UPDATE masterlinc.audit_event SET detail = detail || '{\"n\": 1}' WHERE id = $1", row["id"]
    )
    return row["id"]


async def change_salt(connection, random):
    row = await some_row(connection, random)
    await set_column(connection, row, "salt", random.choice([None, random.randbytes(16)]))
    return row["id"]


async def delete(connection, random):
    row = await some_row(connection, random)
    await connection.execute("DELETE FROM masterlinc.audit_event WHERE id = $1", row["id"])
    await connection.execute("DELETE FROM masterlinc.audit_patient WHERE event_id = $1", row["id"])
    return row["id"]


async def insert(connection, random):
    row, new = await some_row(connection, random), new_id()
    await connection.execute(
        "INSERT INTO masterlinc.audit_event (id, organization_id, at, actor_id, actor_kind, trace_id, action, resource,"
        " resource_id, outcome, detail, xid) SELECT $2, organization_id, at, $3, actor_kind, trace_id, action,"
        " resource, resource_id, outcome, detail, xid FROM masterlinc.audit_event WHERE id = $1",
        row["id"],
        new,
        new_id(),
    )
    return new


async def swap(connection, random):
    one = await some_row(connection, random)
    other = await some_row(connection, random, but={one["id"]})
    name = random.choice(["id", "trace_id", "resource_id"])
    if name == "id":
        await set_column(connection, one, "id", UUID(int=one["id"].int ^ 1))
        await set_column(connection, other, "id", one["id"])
        await connection.execute(
            "UPDATE masterlinc.audit_event SET id = $2 WHERE id = $1", UUID(int=one["id"].int ^ 1), other["id"]
        )
        return
    await set_column(connection, one, name, other[name])
    await set_column(connection, other, name, one[name])
    return


async def move(connection, random):
    row = await some_row(connection, random)
    await connection.execute(
        "UPDATE masterlinc.audit_event SET xid = (xid::text::bigint + $2)::text::xid8 WHERE id = $1",
        row["id"],
        random.choice([-3, 3, 10**6]),
    )


async def empty(connection, random):
    await connection.execute("TRUNCATE masterlinc.audit_event")


async def erase_unseen(connection, random):
    row = await some_row(connection, random)
    await connection.execute(
        "UPDATE masterlinc.audit_event e SET erased = masterlinc.audit_personal(e), salt = NULL, actor_id = NULL,"
        " session_id = NULL, address = '', resource_id = '', patient = NULL, detail = '{}' WHERE id = $1",
        row["id"],
    )
    await connection.execute("DELETE FROM masterlinc.audit_patient WHERE event_id = $1", row["id"])
    return row["id"]


async def write_over_erased(connection, random):
    row = await some_row(connection, random)
    await connection.execute("ALTER TABLE masterlinc.audit_event DROP CONSTRAINT audit_event_erased")
    await connection.execute(
        "UPDATE masterlinc.audit_event e SET erased = masterlinc.audit_personal(e), actor_id = $2 WHERE id = $1",
        row["id"],
        new_id(),
    )
    return row["id"]


async def hide_from_patient(connection, random):
    rows = await connection.fetch("SELECT * FROM masterlinc.audit_patient ORDER BY event_id")
    row = random.choice(rows)
    statement = random.choice(
        [
            "DELETE FROM masterlinc.audit_patient WHERE event_id = $1",
            "UPDATE masterlinc.audit_patient SET patient = gen_random_uuid() WHERE event_id = $1",
            "UPDATE masterlinc.audit_patient SET organization_id = gen_random_uuid() WHERE event_id = $1",
        ]
    )
    await connection.execute(statement, row["event_id"])
    return row["event_id"]


async def change_seal(connection, random):
    statement = random.choice(
        [
            "UPDATE masterlinc.audit_seal SET root = sha256(root) WHERE number = $1",
            "UPDATE masterlinc.audit_seal SET previous = sha256(previous) WHERE number = $1",
            "UPDATE masterlinc.audit_seal SET total = total + 1 WHERE number = $1",
            "UPDATE masterlinc.audit_seal SET sealed_at = sealed_at + interval '1 day' WHERE number = $1",
            "UPDATE masterlinc.audit_seal SET signature = sha512(signature) WHERE number = $1",
            "UPDATE masterlinc.audit_seal SET entries = overlay(entries placing '\\x00' from 20) WHERE number = $1",
            "UPDATE masterlinc.audit_seal SET number = -number WHERE number = $1",
            "DELETE FROM masterlinc.audit_seal WHERE number = $1",
        ]
    )
    await connection.execute("ALTER TABLE masterlinc.audit_seal DROP CONSTRAINT audit_seal_number_check")
    await connection.execute(statement, random.randint(1, await count(connection) - 1))


async def swap_seals(connection, random):
    one, other = random.sample(range(1, await count(connection) + 1), 2)
    await connection.execute("UPDATE masterlinc.audit_seal SET number = 1000000 WHERE number = $1", one)
    await connection.execute("UPDATE masterlinc.audit_seal SET number = $2 WHERE number = $1", other, one)
    await connection.execute("UPDATE masterlinc.audit_seal SET number = $1 WHERE number = 1000000", other)


async def change_row_and_its_leaf(connection, random):
    """A row, its leaf and the root fit again; only the signature does not."""
    row = await some_row(connection, random)
    await set_column(connection, row, "outcome", "other")
    await rebuild(connection, await seal_of(connection, row), sign_with=None)


async def cut_the_end(connection, random):
    """The last seals and their rows go: nothing in the database says that they were."""
    first = random.randint(max(1, await count(connection) - 5), await count(connection))
    place = await connection.fetchrow("SELECT first_xid, first_id FROM masterlinc.audit_seal WHERE number = $1", first)
    gone = "(xid, id) >= ($1, $2)"
    await connection.execute(
        f"DELETE FROM masterlinc.audit_patient WHERE event_id IN (SELECT id FROM masterlinc.audit_event WHERE {gone})",
        *place,
    )
    await connection.execute(f"DELETE FROM masterlinc.audit_event WHERE {gone}", *place)
    await connection.execute("DELETE FROM masterlinc.audit_seal WHERE number >= $1", first)


async def write_all_anew(connection, random):
    """Every hash and signature is right: it is another key, and another chain."""
    await change_who(connection, random)
    await delete_quietly(connection, random)
    await mend_patients(connection)
    await new_chain(connection, 1, endorsed_by=None)


async def write_the_end_anew(connection, random):
    """A new key that the old one never endorsed signs the rest."""
    await change_text(connection, random)
    await mend_patients(connection)
    kid = await connection.fetchval("SELECT kid FROM masterlinc.audit_key ORDER BY created_at DESC LIMIT 1")
    await new_chain(connection, random.randint(2, await count(connection)), endorsed_by=kid)


async def count(connection):
    return await connection.fetchval("SELECT count(*) FROM masterlinc.audit_seal")


async def delete_quietly(connection, random):
    await delete(connection, random)


async def mend_patients(connection):
    await connection.execute("DELETE FROM masterlinc.audit_patient")
    await connection.execute(
        "INSERT INTO masterlinc.audit_patient SELECT patient, id, organization_id FROM masterlinc.audit_event"
        " WHERE patient IS NOT NULL AND organization_id IS NOT NULL"
    )


async def seal_of(connection, row):
    return await connection.fetchval(
        "SELECT min(number) FROM masterlinc.audit_seal WHERE ($1::xid8, $2::uuid) <= (last_xid, last_id)",
        row["xid"],
        row["id"],
    )


async def rebuild(connection, number, sign_with):
    seal = await connection.fetchrow("SELECT * FROM masterlinc.audit_seal WHERE number = $1", number)
    rows = await connection.fetch(
        "SELECT id, masterlinc.audit_leaf(e) AS leaf FROM masterlinc.audit_event e"
        " WHERE (xid, id) >= ($1, $2) AND (xid, id) <= ($3, $4) ORDER BY xid, id",
        seal["first_xid"], seal["first_id"], seal["last_xid"], seal["last_id"],
    )  # fmt: skip
    await connection.execute(
        "UPDATE masterlinc.audit_seal SET root = $2, entries = $3 WHERE number = $1",
        number,
        root([one["leaf"] for one in rows]),
        b"".join(one["id"].bytes + one["leaf"] for one in rows),
    )


async def new_chain(connection, first, endorsed_by):
    """Seal everything from a seal on with a key of the attacker's own."""
    private = Ed25519PrivateKey.generate()
    kid = key_id(private)
    await connection.execute("ALTER TABLE masterlinc.audit_seal DROP CONSTRAINT audit_seal_key_id_fkey")
    old = await connection.fetch("SELECT * FROM masterlinc.audit_seal WHERE number < $1 ORDER BY number", first)
    await connection.execute("DELETE FROM masterlinc.audit_seal WHERE number >= $1", first)
    if endorsed_by is None:
        await connection.execute("DELETE FROM masterlinc.audit_key")
    endorsement = None if endorsed_by is None else private.sign(KEY + raw(private))
    await connection.execute(
        "INSERT INTO masterlinc.audit_key VALUES ($1, $2, '', now(), $3, $4)",
        kid,
        raw(private),
        endorsed_by,
        endorsement,
    )
    last, digest = None, NO_SEAL
    if old:
        facts = {name: old[-1][name] for name in Seal.__struct_fields__}
        last = Seal(**facts)
        digest = last.digest(old[-1]["signature"])
    after = (last.last_xid, last.last_id) if last else (0, UUID(int=0))
    rows = await connection.fetch(
        "SELECT xid, id, masterlinc.audit_leaf(e) AS leaf FROM masterlinc.audit_event e"
        " WHERE (xid, id) > ($1, $2) ORDER BY xid, id",
        *after,
    )
    for start in range(0, len(rows), 8):
        part = rows[start : start + 8]
        made = Seal(
            number=(last.number if last else 0) + 1,
            previous=digest,
            root=root([row["leaf"] for row in part]),
            row_count=len(part),
            total=(last.total if last else 0) + len(part),
            first_xid=part[0]["xid"],
            first_id=part[0]["id"],
            last_xid=part[-1]["xid"],
            last_id=part[-1]["id"],
            sealed_at=await connection.fetchval("SELECT now()"),
            key_id=kid,
        )
        signature = private.sign(made.message())
        await connection.execute(
            "INSERT INTO masterlinc.audit_seal (number, previous, root, row_count, total, first_xid, first_id,"
            " last_xid, last_id, sealed_at, key_id, signature, entries)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            *[getattr(made, name) for name in Seal.__struct_fields__],
            signature,
            b"".join(row["id"].bytes + row["leaf"] for row in part),
        )
        last, digest = made, made.digest(signature)


# What the chain itself shows.
BY_ITSELF: tuple[Tamper, ...] = (
    change_text,
    change_who,
    change_time,
    change_detail,
    change_salt,
    delete,
    insert,
    swap,
    move,
    empty,
    erase_unseen,
    write_over_erased,
    hide_from_patient,
    change_seal,
    swap_seals,
    change_row_and_its_leaf,
    write_the_end_anew,
)
# What only a checkpoint that is kept elsewhere shows.
BY_A_CHECKPOINT: tuple[Tamper, ...] = (cut_the_end, write_all_anew)
