"""A batch decides as one by one does: the same decisions, each submission once, whatever stops it."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE
from contextlib import suppress
from decimal import Decimal
from itertools import chain

import msgspec
import pytest
import pytest_asyncio
from claim_builders import line
from claim_deciding import claim, decide, everything
from claim_parties import make_member
from hypothesis import given
from hypothesis import strategies as st

from claimlinc.batch.chunks import chunks, keys_of
from claimlinc.batch.deciding import decide_chunk, decide_chunks
from claimlinc.batch.files import FileLine
from claimlinc.contract import ClaimType, Cover, DecideSubmission, Identifier, RelatedClaim, Subject, Use
from claimlinc.replay.canonical import canonical
from claimlinc.service.deciding import load_decision
from masterlinc import ids, wire
from masterlinc.ids import new_id
from masterlinc.testing import MASTER_KEY


async def people(parties, number):
    """Enrol people; the number and the identity of each."""
    return [await make_member(parties) for _ in range(number)]


def claims_of(parties, members, rounds=1):
    """Build claims that draw on one another's limits: dental, with a yearly limit of 2,000, and others."""
    made = []
    for number in range(rounds):
        for place, (member, identity) in enumerate(members):
            kind = (ClaimType.ORAL, ClaimType.PROFESSIONAL, ClaimType.VISION)[(place + number) % 3]
            lines = [line(f"{1500 + 7 * place + number}.25", "45.05")]
            if (place + number) % 2:
                lines.append(line("60", quantity="1.5", sequence=2))
            made.append(
                claim(
                    parties,
                    *lines,
                    claim_type=kind,
                    cover=Cover(member_id=member, policy_number=parties.policy_number),
                    subject=Subject(name="Sara", identifiers=(identity,)),
                    use=Use.PREAUTHORIZATION if (place + 2 * number) % 7 == 6 else Use.CLAIM,
                )
            )
    return made


def requests(parties, claims):
    return [DecideSubmission(parties.payer_id, parties.provider_id, one) for one in claims]


async def run(parties, made, size=100):
    return [one async for chunk in decide_chunks(parties.payer, requests(parties, made), size) for one in chunk]


def renumbered(claims):
    """The same claims under other numbers."""
    return [
        msgspec.structs.replace(one, identifier=Identifier("http://clinic.test/claim", new_id().hex)) for one in claims
    ]


@pytest.mark.parametrize("size", [2, 5, 100])
async def test_a_batch_decides_as_one_by_one(parties, another_parties, size):
    """Two payers with the same terms and members: one decides one by one, the other in a batch."""
    alone, together = await people(parties, 6), await people(another_parties, 6)
    first = claims_of(parties, alone, rounds=4)
    second = claims_of(another_parties, together, rounds=4)
    one_by_one = [(await decide(parties, made)).decision for made in first]
    batch = {
        one.request.submission.identifier: one.decided.decision for one in await run(another_parties, second, size)
    }
    for before, made in zip(one_by_one, second, strict=True):
        assert figures(batch[made.identifier]) == figures(before)
    assert {one.outcome for one in one_by_one} == {"approved", "partial", "rejected"}
    assert await used(parties) == await used(another_parties)


def figures(decision):
    """What is decided, without the numbers that differ between two payers."""
    return [
        (one.outcome, one.denial_code, one.benefit, one.allowed, one.payer_share, one.patient_share, looked(one))
        for one in decision.lines
    ]


def looked(one):
    return [(step.rule, step.version, step.case, step.result) for step in one.trace]


async def used(parties):
    async with parties.payer.transaction() as tx:
        return await tx.fetch("SELECT benefit, sum(used) AS used FROM policylinc.balance GROUP BY 1 ORDER BY 1")


async def test_what_a_batch_keeps_is_what_one_alone_keeps(parties):
    members = await people(parties, 5)
    outcomes = await run(parties, claims_of(parties, members, rounds=2))
    assert len(outcomes) == 10
    async with parties.payer.transaction() as tx:
        for one in outcomes:
            kept = await load_decision(tx, one.decided.decision_id)
            assert canonical(kept.decision) == canonical(one.decided.decision)
    sums = await everything(parties)
    assert sums["claimlinc.decision"][0] == sums["claimlinc.decision_basis"][0] == 10


async def test_a_correction_in_a_batch_ends_what_it_corrects(parties):
    ((member, identity), other) = await people(parties, 2)
    person = Subject(name="Sara", identifiers=(identity,))
    first = claim(parties, line("400"), cover=Cover(member_id=member), subject=person)
    again = claim(
        parties,
        line("300"),
        cover=Cover(member_id=member),
        subject=person,
        related=(RelatedClaim(first.identifier, "prior"),),
    )
    more = claims_of(parties, [other], rounds=3)
    outcomes = await run(parties, [first, *more[:2], again, *more[2:]])
    assert [one.refusal for one in outcomes] == [None] * 5
    async with parties.payer.transaction() as tx:
        use = await tx.fetchval(
            "SELECT sum(used) FROM policylinc.balance b JOIN policylinc.member m ON m.id = b.member_id"
            " WHERE m.member_number = $1",
            member,
        )
    assert use == Decimal(255)  # 85 % of 300, and nothing of the first any more


async def test_the_same_batch_again_answers_what_was_kept(parties):
    made = claims_of(parties, await people(parties, 4), rounds=2)
    first = await run(parties, made)
    before = await everything(parties)
    again = await run(parties, [*made, *made])
    assert all(one.kept for one in again)
    assert {one.decided.decision_id for one in again} == {one.decided.decision_id for one in first}
    assert await everything(parties) == before


async def test_one_that_is_wrong_does_not_take_the_others_with_it(parties):
    made = claims_of(parties, await people(parties, 3))
    wrong = msgspec.structs.replace(made[1], lines=())
    outcomes = await run(parties, [made[0], wrong, made[2]])
    assert [one.decided is None for one in outcomes] == [False, True, False]
    assert outcomes[1].refusal.errors[0].path == "lines"


async def test_a_member_under_two_names_is_decided_one_after_the_other(parties):
    """By the member's number, and by the identity alone: the same member, and 2,000 of dental a year."""
    ((member, identity),) = await people(parties, 1)
    nobody = Subject(name="Sara")
    by_number = claim(parties, line("2400"), cover=Cover(member_id=member), subject=nobody)
    by_identity = claim(parties, line("2400"), cover=Cover(), subject=Subject(name="Sara", identifiers=(identity,)))
    outcomes = await decide_chunk(parties.payer, requests(parties, [by_number, by_identity]))
    assert [one.decided.decision.totals.payer_share for one in outcomes] == [Decimal(2000), Decimal(0)]


async def test_a_chunk_takes_few_round_trips(parties, statements):
    made = claims_of(parties, await people(parties, 8))
    await run(parties, made[:1])  # what is remembered by then
    with statements() as one:
        await run(parties, renumbered(made[:1]))
    with statements() as eight:
        await run(parties, renumbered(made))
    assert len(eight) <= 2 * len(one)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 8)), max_size=40),
    st.integers(1, 7),
)
def test_chunks_keep_the_order_of_a_person_and_lose_nobody(given_, size):
    base = claim(_Anyone)
    made = [
        DecideSubmission(
            new_id(),
            None,
            msgspec.structs.replace(
                base,
                identifier=Identifier("x", str(number)),
                cover=Cover(member_id=str(member) if member else None),
                subject=Subject(name="x", identifiers=(Identifier("id", str(person)),) if person else ()),
            ),
        )
        for member, person, number in given_
    ]
    cut = list(chunks(made, size))
    for chunk in cut:
        assert 0 < len(chunk) <= size
        keys = [keys_of(one) for one in chunk]
        assert len(set().union(*keys)) == sum(map(len, keys))
    order = list(chain.from_iterable(cut))
    assert sorted(map(id, order)) == sorted(map(id, made))
    place = {id(one): number for number, one in enumerate(order)}
    for before, one in enumerate(made):
        for later in made[before + 1 :]:
            if keys_of(one) & keys_of(later):
                assert place[id(one)] < place[id(later)]


class _Anyone:
    provider_license = payer_license = member_number = policy_number = "x"


async def test_a_command_decides_a_file_by_several_processes(commanded, tmp_path):
    settings, parties = commanded
    file = written(tmp_path, parties, claims_of(parties, await people(parties, 5), rounds=2))
    code, said, _ = await masterlinc(settings, "batch", str(file), *of(parties), "--format", "json")
    done = json.loads(said)
    assert (code, done["decided"], done["kept"], done["refused"]) == (0, 10, 0, 0)
    assert sum(done["outcomes"].values()) == 10
    code, said, _ = await masterlinc(settings, "batch", str(file), *of(parties), "--processes", "1")
    assert (code, said) == (0, "0 decided, 10 had been decided before\n")
    code, said, _ = await masterlinc(settings, "replay", *of(parties), "--processes", "1")
    assert (code, said) == (0, "10 decisions made again: 10 the same, 0 not\n")


async def test_a_file_with_faults_is_refused_whole_with_all_of_them(commanded, tmp_path):
    settings, parties = commanded
    made = claims_of(parties, await people(parties, 2))
    file = written(tmp_path, parties, [made[0], msgspec.structs.replace(made[1], lines=())])
    with file.open("a") as more:
        more.write('{"submission": 1}\nno json\n' + wire.dump(FileLine(made[0], "ORG-1")) + "\n")
    before = await everything(parties)
    code, said, faults = await masterlinc(settings, "batch", str(file), *of(parties))
    assert (code, said) == (1, "")
    assert [part.partition(": ")[0].strip() for part in faults.removeprefix("masterlinc: ").split("; ")] == [
        f"line {number}" for number in (2, 3, 4, 5)
    ]
    assert await everything(parties) == before


async def test_a_batch_that_is_killed_goes_on_and_decides_nothing_twice(commanded, tmp_path):
    """The processes die by SIGKILL after some chunks; what was committed stays, and the next run does the rest."""
    settings, parties = commanded
    made = claims_of(parties, await people(parties, 40), rounds=6)
    file = written(tmp_path, parties, made)
    killed = 0
    while killed < 3:
        child = await started(settings, "batch", str(file), *of(parties), "--processes", "1")
        before = await decided(parties)
        while child.returncode is None and await decided(parties) <= before:
            with suppress(TimeoutError):
                await asyncio.wait_for(child.wait(), 0.02)
        if child.returncode is not None:
            break
        child.kill()
        assert await child.wait() == -signal.SIGKILL
        killed += 1
    assert killed > 0
    code, said, _ = await masterlinc(settings, "batch", str(file), *of(parties), "--format", "json")
    done = json.loads(said)
    assert (code, done["decided"] + done["kept"], done["refused"]) == (0, len(made), 0)
    assert done["kept"] > 0
    async with parties.payer.transaction() as tx:
        heads = await tx.fetch(
            "SELECT identifier_value, count(*) AS times FROM claimlinc.decision WHERE identifier_value = ANY ($1)"
            " GROUP BY 1",
            [one.identifier.value for one in made],
        )
        assert [row["times"] for row in heads] == [1] * len(made)
        drift = await tx.fetchval(
            "SELECT count(*) FROM policylinc.balance b WHERE used <> (SELECT coalesce(sum(e.amount), 0)"
            " FROM policylinc.benefit_entry e WHERE (e.member_id, e.policy_year, e.benefit) ="
            " (b.member_id, b.policy_year, b.benefit))"
        )
        assert drift == 0
        double = await tx.fetch("SELECT decision_id FROM policylinc.posting GROUP BY 1, kind HAVING count(*) > 1")
        assert double == []
        paid = await tx.fetchval(
            "SELECT sum(payer_share - payer_tax) FROM claimlinc.decision WHERE use = 'claim' AND outcome <> 'pended'"
        )
        assert paid == await tx.fetchval("SELECT sum(amount) FROM policylinc.benefit_entry")


@pytest_asyncio.fixture(loop_scope="session")
async def commanded(running, parties):
    return running.services.settings, parties


def of(parties):
    return "--payer", ids.show("ORG", parties.payer_id)


def written(folder, parties, claims):
    file = folder / "claims.jsonl"
    provider = ids.show("ORG", parties.provider_id)
    file.write_bytes(b"".join(wire.encode(FileLine(one, provider)) + b"\n" for one in claims))
    return file


async def decided(parties):
    async with parties.payer.transaction() as tx:
        return await tx.fetchval("SELECT count(*) FROM claimlinc.decision")


async def started(settings, *words):
    """Run the command as a process of its own, with the settings of the running system."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "masterlinc.cli", "adjudicate", *words),
        env=os.environ
        | {
            "MASTERLINC_DATABASE__URL": settings.database.url.reveal(),
            "MASTERLINC_SECURITY__MASTER_KEY": MASTER_KEY,
            "MASTERLINC_PROFILE": "testing",
        },
        stdout=PIPE,
        stderr=PIPE,
    )


async def masterlinc(settings, *words):
    child = await started(settings, *words)
    said, faults = await child.communicate()
    return child.returncode, said.decode(), faults.decode()
