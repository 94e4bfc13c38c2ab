"""Invitations and forgotten passwords by mail, over a real SMTP server; and the attacks on their links."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
import trustme
from accounts import ALONE, Account, account, audits, disable, login, me, organization, refresh, system
from hypothesis import given
from hypothesis import strategies as st
from post_office import Mailbox, mail_server, settings_of, token_in

from authlinc.service import mail, mailing
from authlinc.service.letters import Letter, compose
from authlinc.service.mail import MailAway, MailRefused
from authlinc.service.users import Invited, invite_user
from masterlinc import ids
from masterlinc.agent import StepInput
from masterlinc.security.principal import NOBODY
from masterlinc.settings import Settings
from masterlinc.testing import FixedClock, MakePrincipal, RunApp, Running, bearer, client_of

URL, RESET, CHOOSE = "https://clinic.example", "/api/v1/auth/password/reset", "/api/v1/auth/password/choose"
NEW = "another long pass phrase"


@dataclass
class Post:
    """An application that sends mails, where they arrive, and its clock."""

    running: Running
    clock: FixedClock
    client: httpx.AsyncClient
    box: Mailbox

    async def forgot(self, email: str, **headers: str) -> httpx.Response:
        return await self.client.post(RESET, json={"email": email}, headers=headers)

    async def token(self, who: Account) -> str:
        assert (await self.forgot(who.email)).status_code == 202
        return token_in(await self.box.next())

    async def choose(self, token: str, password: str = NEW) -> httpx.Response:
        return await self.client.post(CHOOSE, json={"token": token, "password": password})


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def post(run_app: RunApp, authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Post]:
    def configure(settings: Settings) -> None:
        settings.http.public_url = URL
        settings.http.allowed_hosts = ["testserver"]

    clock = FixedClock(datetime.now(UTC))
    async with mail_server(authority) as box:
        mails = settings_of(box, authority, tmp_path_factory.mktemp("mail"))
        running = await run_app(clock=clock, configure=configure, **ALONE, authlinc={"mail": mails})
        async with client_of(running) as client:
            yield Post(running, clock, client, box)


async def test_a_forgotten_password_is_chosen_anew(post: Post) -> None:
    who = await account(post.running)
    tokens = (await login(post.client, who)).json()
    assert (await post.forgot(who.email)).status_code == 202
    message = await post.box.next()
    assert post.box.recipients[-1] == [who.email]
    assert post.box.encrypted[-1]
    assert message["From"] == "MASTERLINC <no-reply@clinic.example>"
    page, plain = message.get_body(("html",)), message.get_body(("plain",))
    assert page is not None
    assert plain is not None
    assert 'dir="rtl"' in page.get_content()
    assert "نورة" in plain.get_content()
    token = token_in(message)
    assert (await post.choose(token)).status_code == 204
    assert (await me(post.client, tokens["access_token"])).status_code == 401
    assert (await refresh(post.client, tokens["refresh_token"])).status_code == 401
    assert (await login(post.client, who)).status_code == 401
    assert (await login(post.client, who, password=NEW)).status_code == 200
    assert await audits(post.running, who, "auth.password.choose") == [("ok", {"by": "reset"})]


async def test_an_invitation_lets_a_user_choose_the_first_password(post: Post, make_principal: MakePrincipal) -> None:
    home = await organization(post.running)
    boss = bearer(post.running, make_principal("admin", organization=home))
    email = f"u{ids.new_id().hex}@clinic.example"
    invited = await invite_user(system(post.running), Invited(home, email, "Nora", "نورة", ("nurse",)))
    path = f"/api/v1/users/{ids.show('USR', invited)}/invitation"
    assert (await post.client.post(path, headers=boss)).status_code == 202
    first = token_in(await post.box.next())
    assert (await post.client.post(path, headers=boss)).status_code == 202
    second = token_in(await post.box.next())
    assert (await post.choose(first)).json()["code"] == "link-refused"  # the newest link alone is good
    post.clock.advance(timedelta(hours=71))
    assert (await post.choose(second)).status_code == 204
    who = Account(email, invited, home, NEW)
    assert (await login(post.client, who)).status_code == 200
    answer = await post.client.post(path, headers=bearer(post.running, make_principal("admin", organization=home)))
    assert (answer.status_code, answer.json()["code"]) == (409, "has-password")


async def test_34_known_and_unknown_addresses_look_alike(post: Post) -> None:
    who = await account(post.running)
    answers = [await post.forgot(email) for email in (who.email, f"u{ids.new_id().hex}@clinic.example")]
    same = [(one.status_code, one.json(), {k for k in one.headers if k != "trace-id"}) for one in answers]
    assert same[0] == same[1]
    await post.box.next()


async def test_34_the_same_statements_run_for_both(post: Post, statements: Any) -> None:
    """Not only the answer: the work of the request is the same, so its duration is."""
    who, sent = await account(post.running), []
    for email in (who.email, f"u{ids.new_id().hex}@clinic.example"):
        with statements() as queries:
            await post.forgot(email)
        sent.append([query.partition("'")[0] for query in queries])  # what follows are their values
    assert sent[0] == sent[1]
    await post.box.next()


async def test_37_a_link_works_once_for_half_an_hour_and_for_its_user(post: Post) -> None:
    who, other = await account(post.running), await account(post.running)
    token = await post.token(who)
    answers = await asyncio.gather(*(post.choose(token) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [204, 401, 401]
    assert (await login(post.client, other)).status_code == 200
    late = await post.token(other)
    post.clock.advance(timedelta(minutes=30))
    assert (await post.choose(late)).json()["code"] == "link-refused"


async def test_37_a_link_dies_with_the_password_that_it_was_asked_for(post: Post) -> None:
    who = await account(post.running)
    token = await post.token(who)
    tokens = (await login(post.client, who)).json()
    change = {"current_password": who.password, "new_password": "chosen by its owner meanwhile"}
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    changed = await post.client.post("/api/v1/auth/password", json=change, headers=headers)
    assert changed.status_code == 200, changed.text
    assert (await post.choose(token)).json()["code"] == "link-refused"


@pytest.mark.parametrize("header", ["X-Forwarded-Host", "Forwarded", "X-Original-Host", "Origin"])
async def test_37_no_header_moves_the_link(post: Post, header: str) -> None:
    who = await account(post.running)
    value = "host=evil.example" if header == "Forwarded" else "evil.example"
    answer = await post.forgot(who.email, **{header: value})
    if answer.status_code == 202:
        body = (await post.box.next()).get_body(("plain",))
        assert body is not None
        assert f"{URL}/choose-password#mlp_" in body.get_content()
        assert "evil" not in body.get_content()
    else:
        assert header == "Origin"


async def test_30_a_disabled_user_gets_no_mail_and_no_password(post: Post) -> None:
    who, other = await account(post.running), await account(post.running)
    token = await post.token(who)
    await disable(post.running, who)
    assert (await post.choose(token)).json()["code"] == "link-refused"
    assert (await post.forgot(who.email)).status_code == 202
    await post.token(other)  # the mail after it is the next that arrives
    assert post.box.arrived.empty()


async def test_36_the_rules_of_passwords_hold_and_the_link_stays_good(post: Post) -> None:
    who = await account(post.running)
    token = await post.token(who)
    for password in ("short", "masterlinc masterlinc", who.email, "x" * 4096):
        assert (await post.choose(token, password)).status_code == 422, password
    assert (await post.choose(token)).status_code == 204


async def test_an_address_gets_only_so_many_mails(post: Post) -> None:
    who = await account(post.running)
    for _ in range(5):
        await post.token(who)
    assert (await post.forgot(who.email)).status_code == 202  # nobody learns of it
    other = await account(post.running)
    await post.token(other)
    assert post.box.arrived.empty()
    post.clock.advance(timedelta(hours=1))
    await post.token(who)


async def test_a_mail_that_failed_is_sent_again_with_a_new_token(post: Post) -> None:
    who = await account(post.running)
    ctx, key = system(post.running), mailing.reset_key(await index_of(post, who))
    tokens = []
    compose_ = mailing.compose

    def noting(letter: Letter) -> Any:
        tokens.append(letter.link.partition("#")[2])
        return compose_(letter)

    mailing.compose = noting
    try:
        post.box.answers.append("451 try again later")
        with pytest.raises(mailing.Retry):
            await mailing.send_password_link(ctx, StepInput(key, NOBODY))
        assert (await mailing.send_password_link(ctx, StepInput(key, NOBODY))).note == "sent"
    finally:
        mailing.compose = compose_
    assert token_in(await post.box.next()) == tokens[1]
    assert (await mailing.send_password_link(ctx, StepInput(key, NOBODY))).note == "sent before"
    assert (await post.choose(tokens[0])).status_code == 401
    assert (await post.choose(tokens[1])).status_code == 204


async def index_of(post: Post, who: Account) -> bytes:
    from authlinc.service import emails

    return emails.email_index(system(post.running), who.email)


async def test_a_mail_that_is_refused_for_good_is_not_sent_again(post: Post) -> None:
    who = await account(post.running)
    post.box.answers.append("550 no such mailbox")
    key = mailing.reset_key(await index_of(post, who))
    done = await mailing.send_password_link(system(post.running), StepInput(key, NOBODY))
    assert done.note == "refused by the mail server"


async def test_mail_leaves_over_verified_tls_only(post: Post, tmp_path: Path) -> None:
    letter = Letter("reset", "a@b.example", "c@d.example", "N", "ن", f"{URL}/x#y", "30 minutes", "30 دقيقة")
    config = system(post.running).config.mail
    stranger = trustme.CA()
    async with mail_server(stranger) as box:
        import msgspec

        with pytest.raises(MailAway):
            await mail.deliver(msgspec.structs.replace(config, port=box.port), compose(letter))
        assert box.recipients == []
    async with mail_server(stranger, name="other.example") as box:
        named = settings_of(box, stranger, tmp_path)
        with pytest.raises(MailAway):
            await mail.deliver(msgspec.structs.replace(config, **named), compose(letter))
        assert box.recipients == []
    with pytest.raises(MailAway):  # nobody listens there any more
        await mail.deliver(msgspec.structs.replace(config, port=box.port), compose(letter))
    assert issubclass(MailRefused, Exception)


async def test_without_a_mail_server_it_says_so(running: Running, client: httpx.AsyncClient) -> None:
    answer = await client.post(RESET, json={"email": "a@clinic.example"})
    assert (answer.status_code, answer.json()["code"]) == (501, "mail-off")


@pytest.mark.parametrize("token", ["", "mlp_", "mlp_" + "A" * 64, "mlr_" + "A" * 64, "م" * 68])
async def test_11_what_is_no_link_is_refused(post: Post, token: str) -> None:
    assert (await post.choose(token)).json()["code"] == "link-refused"


async def test_the_database_holds_no_token(post: Post) -> None:
    who = await account(post.running)
    token = await post.token(who)
    async with system(post.running).transaction(frozenset({who.organization_id})) as transaction:
        rows = await transaction.fetch("SELECT * FROM authlinc.password_link")
    assert len(rows) == 1
    assert token not in str([dict(row) for row in rows])


@pytest.mark.parametrize(
    "address", ["a@b.example\r\nBcc: x@y.example", "a@b.example\nX: y", "a@b.example, c@d.example"]
)
def test_65_no_address_breaks_a_header(address: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the library has many kinds of it
        compose(Letter("reset", "a@b.example", address, "N", "ن", f"{URL}/x#y", "", ""))


@given(name=st.text(max_size=60), name_ar=st.text(max_size=60))
def test_65_no_name_makes_a_header_a_tag_or_a_second_link(name: str, name_ar: str) -> None:
    letter = Letter("invitation", "a@b.example", "c@d.example", name, name_ar, f"{URL}/x#y", "72 hours", "72 ساعة")
    try:
        text = compose(letter).as_bytes()
    except UnicodeEncodeError:
        return  # a lone surrogate is in no stored name
    head = text.partition(b"\n\n")[0]
    names = {line.partition(b":")[0].lower() for line in head.splitlines() if not line.startswith((b" ", b"\t"))}
    assert names == {b"from", b"to", b"subject", b"auto-submitted", b"mime-version", b"content-type"}
    page = compose(letter).get_body(("html",))
    assert page is not None
    assert page.get_content().count("<a ") == 2
    assert "<script" not in page.get_content().lower()


def test_every_letter_is_in_both_languages() -> None:
    from authlinc.service.letters import _WORDS

    assert set(_WORDS) == {"invitation", "reset"}
    assert UUID(int=0) == NOBODY
