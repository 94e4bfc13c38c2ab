"""Deciding again on what was kept gives the same bytes; a replay writes its audit row and nothing else."""

import json

import asyncpg
import msgspec
import pytest
import pytest_asyncio
from claim_builders import line, sar
from claim_deciding import audited, claim, decide, everything
from claim_parties import make_parties
from review_desk import approve, open_desk, partial

from claimlinc.cli import DIFFERS
from claimlinc.contract import ClaimType, Cover, RelatedClaim, Use
from claimlinc.replay import running, spread
from claimlinc.replay.canonical import canonical
from claimlinc.replay.replaying import Asked, asked, replay
from claimlinc.replay.schemas import Overrides
from claimlinc.service.deciding import load_decision
from masterlinc import ids, wire
from masterlinc.cli import main
from masterlinc.errors import Invalid, NotFound
from masterlinc.money import Quantity
from masterlinc.testing import MASTER_KEY


async def decide_some(parties):
    """Decide claims of every kind that a replay must make again."""
    nobody = Cover(member_id="nobody", policy_number=parties.policy_number)
    for made in (
        claim(parties, line("200", "30"), line("33.33", quantity="1.5", sequence=2)),
        claim(parties, line("100"), claim_type=ClaimType.VISION),
        claim(parties, line("5000", "750", net=line().net, sequence=7)),  # does not add up: pended
        claim(
            parties, line("100"), cover=nobody, subject=msgspec.structs.replace(claim(parties).subject, identifiers=())
        ),
        claim(parties, line("90"), use=Use.PREAUTHORIZATION),
    ):
        await decide(parties, made)
    return 5


def of(parties, **more):
    return Asked(**({"payers": (parties.payer_id,), "processes": 1} | more))


async def test_what_was_kept_gives_the_same_bytes(parties):
    claims = await decide_some(parties)
    found = (await replay(parties.payer, of(parties))).compared
    assert found.sample == []
    assert (found.claims, found.same, found.different) == (claims, claims, 0)


async def test_what_people_ruled_and_what_was_corrected_is_made_again_too(running, parties, make_principal):
    desk = open_desk(running, parties, make_principal)
    case = await desk.pended(line("100", quantity="0"))
    await desk.decide(case, approve(1, quantity=Quantity(2)))
    await desk.decide(await desk.pended(line("90", quantity="2", net=sar(250))), partial(1, amount=sar(80)))
    first = desk.claim(line("70"))
    await desk.decided(claim=first)
    await desk.decided(claim=desk.claim(line("60"), related=(RelatedClaim(first.identifier, "prior"),)))
    found = (await replay(desk.reviewer, of(desk.parties))).compared
    assert found.sample == []
    assert (found.claims, found.same) == (6, 6)
    simulated = (await replay(desk.reviewer, of(desk.parties, overrides=Overrides()))).simulated
    assert (simulated.claims, simulated.changed) == (3, 0)


async def test_a_decision_and_its_rows_are_spelled_alike(parties):
    made = await decide(parties, claim(parties, line("200", "30", quantity="2.5")))
    async with parties.payer.transaction() as tx:
        kept = await load_decision(tx, made.decision_id)
    assert canonical(kept.decision) == canonical(made.decision)
    assert kept == made


async def test_a_replay_writes_its_audit_row_and_nothing_else(parties):
    await decide_some(parties)
    before = await everything(parties)
    await replay(parties.payer, of(parties))
    await replay(parties.payer, of(parties, overrides=Overrides()))
    assert await everything(parties) == before
    rows = await audited(parties, "adjudication.%")
    assert [(row["action"], row["patient"]) for row in rows] == [("adjudication.replay", None)] * 2
    assert json.loads(rows[0]["detail"]) == {"claims": "5", "other_terms": "false"}


async def test_pages_are_read_in_transactions_that_cannot_write(parties, statements):
    await decide_some(parties)
    with statements() as sent:
        await replay(parties.payer, of(parties))
    begins = [one for one in sent if one.startswith("BEGIN")]
    assert len(begins) >= 3
    assert [one for one in begins if "READ ONLY" not in one] == begins[:1]  # that of the audit row


@pytest.mark.parametrize(
    ("change", "at"),
    [
        ("UPDATE claimlinc.decision_line SET reason = 'x' WHERE decision_id = $1", "lines[0].reason"),
        ("UPDATE claimlinc.decision SET disposition = 'x' WHERE id = $1", "disposition"),
        (
            (
                "UPDATE claimlinc.decision_line SET payer_share = payer_share + 1, patient_share = patient_share - 1"
                " WHERE decision_id = $1"
            ),
            "lines[0].patient_share",
        ),
        (
            "UPDATE claimlinc.decision_line SET trace = jsonb_set(trace, '{3,result}', '\"x\"') WHERE decision_id = $1",
            "lines[0].trace[3].result",
        ),
        (
            (
                "UPDATE claimlinc.decision_basis SET facts = jsonb_set(facts, '{terms,policy_class}', '\"Z\"')"
                " WHERE decision_id = $1"
            ),
            None,
        ),
    ],
)
async def test_what_was_changed_since_is_found(parties, services, change, at):
    made = await decide(parties, claim(parties))
    await decide(parties, claim(parties))
    owner = await asyncpg.connect(services.settings.database.owner_url.reveal())
    try:
        await owner.execute(change, made.decision_id)
    finally:
        await owner.close()
    found = await replay(parties.payer, of(parties))
    assert found.differs
    assert (found.compared.same, found.compared.different) == (1, 1)
    (one,) = found.compared.sample
    assert one.decision_id == made.decision_id
    if at is not None:
        assert one.at == at


async def test_what_other_versions_decided_is_told_apart(parties, services):
    made = await decide(parties, claim(parties))
    owner = await asyncpg.connect(services.settings.database.owner_url.reveal())
    try:
        await owner.execute("UPDATE claimlinc.decision SET rules_version = 'old' WHERE id = $1", made.decision_id)
    finally:
        await owner.close()
    found = await replay(parties.payer, of(parties))
    assert (found.compared.different, found.compared.other_versions, found.differs) == (1, 1, False)


async def test_parts_and_pages_cover_every_claim_once(parties, monkeypatch):
    claims = await decide_some(parties)
    whole = await replay(parties.payer, of(parties, overrides=wire.load('{"percent_of_billed": 50}', Overrides)))
    for page in (1, 2, claims):
        monkeypatch.setattr(running, "PAGE", page)
        for part in (1, 2, claims, claims + 1):
            monkeypatch.setattr(spread, "PART", part)
            found = await replay(parties.payer, of(parties))
            assert (found.compared.claims, found.compared.same) == (claims, claims)
            again = await replay(
                parties.payer, of(parties, overrides=wire.load('{"percent_of_billed": 50}', Overrides))
            )
            assert again == whole
    assert whole.simulated.changed == 1
    assert whole.simulated.claims == claims - 1  # a pre-authorization is no claim


async def test_every_payer_is_replayed_where_none_is_named(parties, another_parties):
    await decide(parties, claim(parties))
    await decide(another_parties, claim(another_parties))
    some = await replay(parties.payer, Asked(payers=(parties.payer_id, another_parties.payer_id), processes=1))
    every = await replay(parties.payer, Asked(processes=1))
    assert some.compared.claims == 2
    assert every.compared.claims >= 2


async def test_a_command_line_with_faults_is_refused_with_all_of_them():
    given = {
        "payers": ["ORG-1"],
        "claims": None,
        "since": "x",
        "until": "y",
        "overrides": b'{"percent_of_billed": 200}',
        "policy_version": None,
        "sample": 1,
        "processes": 1,
    }
    with pytest.raises(Invalid) as caught:
        asked(**given)
    assert [one.path for one in caught.value.errors] == ["since", "until", "overrides.percent_of_billed"]
    with pytest.raises(NotFound):
        asked(**(given | {"since": None, "until": None, "overrides": None}))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def commanded(run_app, make_principal):
    """A system of its own, as a command finds it, with decisions of one payer."""
    running_ = await run_app()
    parties = await make_parties(running_, make_principal)
    await decide_some(parties)
    return running_.services.settings, parties


@pytest.fixture
def command(commanded, monkeypatch, capsys):
    settings, _ = commanded
    monkeypatch.setenv("MASTERLINC_DATABASE__URL", settings.database.url.reveal())
    monkeypatch.setenv("MASTERLINC_SECURITY__MASTER_KEY", MASTER_KEY)
    monkeypatch.setenv("MASTERLINC_PROFILE", "testing")

    def run(*words):
        code = main(["adjudicate", "replay", *words])
        return code, capsys.readouterr()

    return run


def test_the_command_tells_that_all_is_the_same(command):
    code, said = command("--processes", "1")
    assert (code, said.out) == (0, "5 decisions made again: 5 the same, 0 not\n")


def test_the_command_spreads_over_processes_and_answers_json(command, monkeypatch):
    monkeypatch.setattr(spread, "PART", 2)
    code, said = command("--format", "json", "--processes", "2")
    assert (code, json.loads(said.out)["compared"]["same"]) == (0, 5), said.err


def test_the_command_says_what_other_terms_would_change(command, tmp_path, monkeypatch):
    monkeypatch.setattr(spread, "PART", 2)
    file = tmp_path / "other.json"
    file.write_text('{"benefits": {"dental": {"copay_percent": 0}}}')
    code, said = command("--overrides", str(file), "--since", "2020-01-01")
    assert code == 0, said.err
    assert said.out.startswith("4 claims, 1 would be decided otherwise")
    code, said = command("--overrides", str(tmp_path / "none.json"))
    assert (code, said.err) == (1, f"masterlinc: {tmp_path / 'none.json'}: No such file or directory\n")


def test_the_command_ends_with_a_code_of_its_own_where_a_decision_differs(command, commanded):
    settings, parties = commanded

    async def change():
        owner = await asyncpg.connect(settings.database.owner_url.reveal())
        await owner.execute(
            "UPDATE claimlinc.decision SET disposition = 'x' WHERE organization_id = $1", parties.payer_id
        )
        await owner.close()

    import asyncio

    asyncio.run(change())
    code, said = command("--processes", "1", "--payer", ids.show("ORG", parties.payer_id))
    assert code == DIFFERS
    assert '"x" was kept' in said.out
