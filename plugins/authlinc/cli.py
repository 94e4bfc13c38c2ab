"""`masterlinc add-organization` and `add-user`: the first ones of a system, and later ones; `rotate-signing-key`."""

import argparse
import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from authlinc.contract import LICENSE_SYSTEMS, FindOrganization, OrganizationKind


def add(commands: Any) -> None:
    """Add the commands to `masterlinc`."""
    organization = commands.add_parser("add-organization", help="make a provider, payer or operator")
    organization.add_argument("license", help="its licence on the exchange")
    organization.add_argument("--kind", required=True, choices=[kind.value for kind in OrganizationKind])
    organization.add_argument("--name", required=True, help="its name in English")
    organization.add_argument("--name-ar", required=True, help="its name in Arabic")
    organization.set_defaults(run=add_organization)
    user = commands.add_parser("add-user", help="make a user; the password is asked for, or read from standard input")
    user.add_argument("email")
    user.add_argument("--license", required=True, help="the licence of the user's organization")
    user.add_argument("--role", required=True, action="append", help="as in rbac.toml; may be repeated")
    user.add_argument("--name", required=True, help="the user's name in English")
    user.add_argument("--name-ar", required=True, help="the user's name in Arabic")
    user.set_defaults(run=add_user)
    rotate = commands.add_parser(
        "rotate-signing-key", help="sign tokens with a new key; the old one verifies on for a while"
    )
    rotate.set_defaults(run=rotate_signing_key)


def add_organization(options: argparse.Namespace) -> int:
    """Make an organization and print its number."""
    from authlinc.service.directory import License, NewOrganization, create_organization
    from masterlinc.ids import show
    from masterlinc.security.principal import NOBODY

    kind = OrganizationKind(options.kind)
    new = NewOrganization(kind, options.name, options.name_ar, (License(LICENSE_SYSTEMS[kind], options.license),))

    async def make(ctx: Any) -> str:
        made = await create_organization(ctx, new)
        return show("ORG", made.organization_id or NOBODY)

    print(asyncio.run(_with_context(make)))
    return 0


def add_user(options: argparse.Namespace) -> int:
    """Make a user and print their number."""
    from authlinc.service.directory import find_organization
    from authlinc.service.users import NewUser, create_user
    from masterlinc.errors import Invalid
    from masterlinc.ids import show

    password = _password(options.email)

    async def make(ctx: Any) -> str:
        home = await find_organization(ctx, FindOrganization(options.license))
        if home.organization_id is None:
            raise Invalid(f"no organization has the licence {options.license}; make it with add-organization")
        roles = tuple(options.role)
        new = NewUser(home.organization_id, options.email, password, options.name, options.name_ar, roles)
        return show("USR", await create_user(ctx, new))

    print(asyncio.run(_with_context(make)))
    return 0


def rotate_signing_key(_: argparse.Namespace) -> int:
    """Make a new key that signs tokens, and print its number; no token that is out stops being good."""
    from authlinc.service.signing import rotate_signing_key as rotate

    print(asyncio.run(_with_context(rotate)))
    return 0


def _password(email: str) -> str:
    """Ask for a password twice, or read it from standard input where nobody sits at the terminal."""
    from masterlinc.errors import StartupError

    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass(f"Password of {email}: ")
    if first != getpass.getpass("Once more: "):
        raise StartupError("the two passwords differ")
    return first


async def _with_context(work: Callable[[Any], Awaitable[str]]) -> str:
    from masterlinc import runtime
    from masterlinc.context import Context
    from masterlinc.errors import StartupError
    from masterlinc.registry import assemble, discover
    from masterlinc.security.principal import service_principal
    from masterlinc.settings import load

    settings = load()
    async with runtime.opened(settings, assemble(settings, *discover())) as services:
        ctx = Context("authlinc", services, service_principal("authlinc", frozenset()), trace_id="cli")
        try:
            return await work(ctx)
        except ValueError as fault:  # a name or licence that is empty, too long or cannot be shown
            raise StartupError(str(fault)) from None
