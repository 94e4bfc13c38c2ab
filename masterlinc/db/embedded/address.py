"""Where the embedded server is reached: for the process that runs it, and for others over the same data folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from masterlinc import secrets_file
from masterlinc.db.embedded import folder, roles
from masterlinc.db.embedded.account import server_account

Role = Literal["owner", "app", "superuser"]
USERS: dict[Role, str] = {"owner": roles.OWNER, "app": roles.APP, "superuser": "postgres"}


def address(role: Role, secrets: Mapping[str, str], socket: Path | None, database: str = roles.DATABASE) -> str:
    """Return an address for asyncpg that signs in as this role."""
    password = secrets[f"{role}_password"]
    return f"postgresql://{USERS[role]}:{password}@/{quote(database)}?host={quote(str(socket), safe='')}"


def address_in(data: Path, role: Role, database: str = roles.DATABASE) -> str:
    """Return the address of the server that another process runs over this data folder; raises StartupError."""
    home = (data.absolute() / "server").resolve()
    return address(role, secrets_file.load(data), folder.socket_place(home, server_account()), database)
