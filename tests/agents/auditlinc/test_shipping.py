"""Shipping to real receivers over real TLS: every row at least once, in order, after crashes and refusals too."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest
import pytest_asyncio
import trustme
from receivers import Collector, Endpoint, Talker, listening

from auditlinc.config import Siem
from auditlinc.shipping.health import ShippingBehind, health
from auditlinc.shipping.messages import Message
from auditlinc.shipping.shipper import Shipper
from auditlinc.shipping.syslog import framed
from auditlinc.shipping.target import target_of
from masterlinc.audit.sealer import seal_all
from masterlinc.errors import StartupError
from masterlinc.ids import new_id
from masterlinc.secrets import Secret
from masterlinc.security.principal import service_principal


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def authorities(authority, tmp_path):
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


@pytest_asyncio.fixture(loop_scope="session")
async def quiet(run_app, new_database):
    """An application without requests; its rows are those that a test writes."""
    urls = await new_database()
    running = await run_app(urls=urls)
    running.services.settings.audit.checkpoint_seconds = 3600.0
    return running, urls


async def write(running, count):
    home = new_id()
    for number in range(count):
        async with running.services.db.transaction(frozenset({home})) as transaction:
            transaction.audit("toy.read", "thing", f"T-{home.hex[-4:]}-{number}", organization_id=home)
    return [f"T-{home.hex[-4:]}-{number}" for number in range(count)]


@pytest_asyncio.fixture(loop_scope="session")
async def shipper(quiet):
    """Make a shipper of the quiet application; at the end it lets go of its connections."""
    running, made = quiet[0], []

    def make(**siem):
        config = Siem(**siem)
        running.services.registry.configs["auditlinc"].siem = config
        ctx = running.context("auditlinc", service_principal("auditlinc", frozenset()))
        target = target_of(config)
        made.append(target)
        return Shipper(ctx, target), ctx

    yield make
    for target in made:
        await target.close()


async def ship(one):
    while await one.step():
        pass


def things(events):
    return [event["resource_id"] for event in events if event.get("resource_type") == "thing"]


async def test_syslog_gets_every_row_in_order_and_a_checkpoint(quiet, shipper, authority, authorities):
    running, _ = quiet
    collector = Collector()
    written = await write(running, 25)
    await seal_all(running.services)
    async with listening(collector, authority) as port:
        one, _ = shipper(kind="syslog", host="127.0.0.1", port=port, authorities=authorities, batch=10)
        await ship(one)
        await collector.until(26)
        assert things(collector.messages) == written
        more = await write(running, 3)
        await ship(one)
        await collector.until(29)
        assert things(collector.messages) == written + more
        assert [message["kind"] for message in collector.messages].count("checkpoint") == 1
        assert collector.connections == 1
        assert collector.frames[0].startswith(b"<110>1 20")
        await one.give_up()


async def test_a_sealing_key_that_does_not_open_ends_no_shipping(quiet, shipper, authority, authorities, caplog):
    running, urls = quiet
    collector = Collector()
    await write(running, 1)
    await seal_all(running.services)
    owner = await asyncpg.connect(urls.owner)
    await owner.execute("UPDATE masterlinc.audit_key SET sealed = 'no sealed value'")
    async with listening(collector, authority) as port:
        one, _ = shipper(kind="syslog", host="127.0.0.1", port=port, authorities=authorities, poll_seconds=0.01)
        task = asyncio.create_task(one.keep_on())
        async with asyncio.timeout(20):
            while "audit not shipped" not in caplog.messages:
                await asyncio.sleep(0)
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await one.give_up()
    await owner.close()


async def test_a_receiver_with_another_certificate_gets_nothing(quiet, shipper, authorities):
    running, _ = quiet
    collector = Collector()
    await write(running, 1)
    async with listening(collector, trustme.CA()) as port:
        one, _ = shipper(kind="syslog", host="127.0.0.1", port=port, authorities=authorities)
        with pytest.raises(OSError, match="certificate"):
            await one.step()
        assert collector.frames == []
        await one.give_up()


async def test_https_goes_on_after_refusals_and_sends_what_was_not_taken_again(quiet, shipper, authority, authorities):
    running, _ = quiet
    endpoint = Endpoint()
    written = await write(running, 12)
    async with listening(endpoint, authority) as port:
        url, siem = f"https://127.0.0.1:{port}/audit", {"kind": "https", "authorities": authorities, "batch": 5}
        one, _ = shipper(url=url, authorization=Secret("Bearer x-token"), **siem)
        endpoint.statuses = [503]
        with pytest.raises(OSError, match="503"):
            await one.step()
        await ship(one)
        assert things(event for _, events in endpoint.taken for event in events) == written
        assert endpoint.asked[0]["idempotency-key"] == endpoint.asked[1]["idempotency-key"]
        assert {headers["authorization"] for headers in endpoint.asked} == {"Bearer x-token"}
        await one.give_up()


async def test_an_answer_without_end_is_read_no_further_than_its_status_and_a_little(
    quiet, shipper, authority, authorities
):
    running, _ = quiet
    await write(running, 1)
    async with listening(Talker(b"HTTP/1.1 202 X\r\n\r\n", b"x" * 65_536), authority) as port:
        one, _ = shipper(kind="https", url=f"https://127.0.0.1:{port}", authorities=authorities)
        async with asyncio.timeout(60):
            assert await one.step() is False
        await one.give_up()


async def test_an_answer_that_drips_is_cut_at_the_deadline(quiet, shipper, authority, authorities):
    running, _ = quiet
    await write(running, 1)
    async with listening(Talker(b"HTTP/1.1 202 X\r\n", b"x-one: more\r\n"), authority) as port:
        one, _ = shipper(kind="https", url=f"https://127.0.0.1:{port}", authorities=authorities, deadline_seconds=0.5)
        async with asyncio.timeout(60) as limit:
            with pytest.raises(TimeoutError):
                await one.step()
        assert not limit.expired()
        await one.give_up()


async def test_another_process_goes_on_where_the_first_one_died(quiet, shipper, authority, authorities):
    running, _ = quiet
    endpoint = Endpoint()
    written = await write(running, 12)
    async with listening(endpoint, authority) as port:
        siem = {"kind": "https", "url": f"https://127.0.0.1:{port}", "authorities": authorities, "batch": 5}
        first, _ = shipper(**siem)
        assert await first.step() is True
        second, _ = shipper(**siem)
        assert await second.step() is False  # the lease is the first one's
        await first.give_up()  # as its end would, or the minute
        await ship(second)
        assert things(event for _, events in endpoint.taken for event in events) == written
        await second.give_up()


async def test_who_lost_the_lease_in_the_middle_writes_no_position(quiet, shipper, authority, authorities):
    running, urls = quiet
    endpoint = Endpoint()
    written = await write(running, 4)
    owner = await asyncpg.connect(urls.owner)
    async with listening(endpoint, authority) as port:
        siem = {"kind": "https", "url": f"https://127.0.0.1:{port}", "authorities": authorities}
        slow, _ = shipper(**siem)
        sent = slow._target.send

        async def overtaken(messages):
            await sent(messages)
            await owner.execute("UPDATE auditlinc.shipment SET fence = fence + 1, lease_owner = NULL")

        slow._target.send = overtaken
        assert await slow.step() is False
        await owner.execute("UPDATE auditlinc.shipment SET leased_until = '-infinity'")
        other, _ = shipper(**siem)
        await ship(other)
        assert things(event for _, events in endpoint.taken for event in events) == written * 2  # at least once
        await other.give_up()
    await owner.close()


async def test_a_receiver_that_asks_for_a_certificate_gets_one(quiet, shipper, authority, authorities, tmp_path):
    running, _ = quiet
    collector, mine = Collector(), authority.issue_cert("masterlinc@example.test")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    mine.cert_chain_pems[0].write_to_path(certificate)
    mine.private_key_pem.write_to_path(key)
    written = await write(running, 2)
    async with listening(collector, authority, client_authority=authority) as port:
        one, _ = shipper(
            kind="syslog",
            host="127.0.0.1",
            port=port,
            authorities=authorities,
            client_certificate=str(certificate),
            client_key=str(key),
        )
        await ship(one)
        await collector.until(2)
        assert things(collector.messages) == written
        await one.give_up()


async def test_who_falls_behind_is_unhealthy(quiet, shipper, authority, authorities):
    running, urls = quiet
    await write(running, 1)
    _, ctx = shipper(kind="https", url="https://127.0.0.1:1", authorities=authorities, alert_minutes=15)
    await health(ctx)
    owner = await asyncpg.connect(urls.owner)
    await owner.execute("ALTER TABLE masterlinc.audit_event DISABLE TRIGGER USER")
    await owner.execute("UPDATE masterlinc.audit_event SET at = at - $1::interval", timedelta(hours=1))
    await owner.execute(
        "INSERT INTO auditlinc.shipment (target, at_xid, at_id) VALUES ('https', '0', $1) ON CONFLICT DO NOTHING",
        new_id(),
    )
    await owner.close()
    with pytest.raises(ShippingBehind):
        await health(ctx)


def test_a_frame_counts_its_bytes_and_holds_one_line_of_ascii():
    from datetime import UTC, datetime

    at = datetime(2026, 3, 1, 9, tzinfo=UTC)
    frame = framed(Message("auth.login", at, True, {"note": "نورة\n<1>"}), "host name")
    length, _, line = frame.partition(b" ")
    assert int(length) == len(line)
    assert line.startswith(b"<108>1 2026-03-01T09:00:00.000000Z hostname masterlinc ")
    assert b"\n" not in line
    assert line.isascii()


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "syslog"},
        {"kind": "https", "url": "http://siem.example"},
        {"kind": "https"},
        {"kind": "syslog", "host": "x", "client_key": "k"},
    ],
)
def test_what_would_ship_in_the_clear_or_nowhere_is_refused(wrong):
    with pytest.raises(ValueError, match=r"siem\."):
        Siem(**wrong)


def test_a_file_that_is_no_certificate_stops_the_start(tmp_path):
    file = tmp_path / "ca.pem"
    file.write_text("no certificate")
    with pytest.raises(StartupError):
        target_of(Siem(kind="syslog", host="x", authorities=str(file)))
