"""Settings: `config/*.toml`, then the environment; an unknown key stops the start."""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta, Struct, field

from masterlinc.errors import StartupError
from masterlinc.secrets import Secret, decode
from masterlinc.secrets.reading import read

ENVIRONMENT_PREFIX = "MASTERLINC_"

# Names without a section that are settings all the same (DESIGN.md 9).
EXCEPTIONS = frozenset({"MASTERLINC_CONFIG", "MASTERLINC_PROFILE", "MASTERLINC_DEMO_PASSWORD"})

Port = Annotated[int, Meta(ge=1, le=65_535)]
Count = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]
HttpUrl = Annotated[
    str, Meta(pattern=r"^(|https?://([^:/@?#\s]+|\[[0-9a-fA-F:]+\])(:[0-9]{1,5})?(/[^?#\s]*[^/?#\s])?)\Z")
]

Origin = Annotated[str, Meta(pattern=r"^https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?\Z")]
Host = Annotated[str, Meta(pattern=r"^([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?\Z")]


class RedisUrl(Secret):
    """The address of a Redis; a password may stand in it."""

    __slots__ = ()

    shape: ClassVar[re.Pattern[str] | None] = re.compile(
        r"^(|unix://.+|rediss?://([^@/]*@)?([^:/@?]+|\[[0-9a-fA-F:]+\])?(:[0-9]{1,5})?(/[0-9]*)?(\?.*)?)$"
    )


class ProcessSettings(Struct, forbid_unknown_fields=True, kw_only=True):
    """The place of this process among others."""

    agents: list[str] = []  # empty: all that are enabled
    name: Annotated[str, Meta(min_length=1, max_length=120)] = "masterlinc"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    drain_seconds: Seconds = 25.0  # a supervisor's usual 30, less what it takes to close everything after
    unready_seconds: Annotated[float, Meta(ge=0)] = 0.0


class HttpSettings(Struct, forbid_unknown_fields=True, kw_only=True):
    """The server."""

    host: str = "127.0.0.1"
    port: Port = 8000
    workers: Count = 1
    docs: bool = True
    max_body_bytes: Count = 10_485_760  # NPHIES takes 10 MB a message (BV-00076)
    body_seconds: Seconds = 30.0
    production: bool = False
    public_url: HttpUrl = ""  # what users reach this system at: links in mails and to sign in begin with it
    allowed_hosts: list[Host] = []  # that requests may name, beside that of public_url; written exactly
    cors_origins: list[Origin] = []  # of pages that may call from a browser; written exactly
    trusted_proxies: list[str] = []  # networks whose X-Forwarded-For is believed, as 10.0.0.0/8


class DatabaseSettings(Struct, forbid_unknown_fields=True, kw_only=True):
    """PostgreSQL: `url` connects as the role `app`, `owner_url` migrates."""

    url: Secret = field(default_factory=Secret)
    owner_url: Secret = field(default_factory=Secret)
    pool_size: Count = 10
    statement_seconds: Seconds = 15.0
    acquire_seconds: Seconds = 2.0


class RedisSettings(Struct, forbid_unknown_fields=True, kw_only=True):
    """Redis, where there is one: wakes other processes sooner, and carries events to consumers outside."""

    url: RedisUrl = field(default_factory=RedisUrl)
    stream: str = ""  # the stream for consumers outside; empty: none
    stream_length: Count = 1_000_000  # entries that it holds, about


class LimitSettings(Struct, forbid_unknown_fields=True, kw_only=True):
    """How many requests a minute are taken of each caller; more of them are answered 429."""

    user: Count = 1_200
    key: Count = 6_000
    address: Count = 600  # of requests without a valid token
    local_percent: Annotated[int, Meta(ge=1, le=100)] = 50  # of a limit, that a process grants without Redis
    redis_milliseconds: Count = 100  # that a request waits for Redis
    subjects: Count = 50_000  # that a process keeps in mind


class SecuritySettings(Struct, forbid_unknown_fields=True, kw_only=True):
    """Keys and names that tokens and sealed columns depend on."""

    master_key: Secret = field(default_factory=Secret)  # base64 of 32 random bytes
    former_master_keys: list[Secret] = []  # that open what has not been wrapped again yet
    issuer: str = "masterlinc"
    audience: str = "masterlinc-api"
    rbac: str = "rbac.toml"


class VaultSettings(Struct, forbid_unknown_fields=True, kw_only=True):
    """The Vault or OpenBao that secrets written as `vault:mount/path#field` are read from."""

    address: HttpUrl = ""
    namespace: str = ""
    auth: Literal["token", "kubernetes", "approle"] = "token"
    auth_mount: str = ""  # empty: named as the way of signing in
    token: Secret = field(default_factory=Secret)
    role: str = ""  # of kubernetes
    service_account: str = "/var/run/secrets/kubernetes.io/serviceaccount/token"
    role_id: str = ""  # of approle
    secret_id: Secret = field(default_factory=Secret)
    authorities: str = ""  # a PEM file; empty: the system's
    deadline_seconds: Seconds = 5.0
    refresh_seconds: Seconds = 60.0


class EngineSettings(Struct, forbid_unknown_fields=True, kw_only=True):
    """The relay and the workflow engine."""

    concurrency: Count = 64
    connections: Annotated[int, Meta(ge=2)] = 6  # of the pool, half for deliveries and half for workflows
    lease_seconds: Seconds = 6.0  # a process that has not beaten for so long is dead, and its work another's
    step_seconds: Seconds = 300.0  # of a step that says no time itself
    retention_days: Count = 90  # of what workflows and deliveries leave behind, after their end
    poll_seconds: Seconds = 0.2


class AuditSettings(Struct, forbid_unknown_fields=True, kw_only=True):
    """The seals over audit rows."""

    seal_seconds: Seconds = 10.0  # how long a row waits for its seal, about
    checkpoint_folder: str = ""  # where signed checkpoints are written; empty: nowhere
    checkpoint_seconds: Seconds = 3600.0


class ToolsSettings(Struct, forbid_unknown_fields=True, kw_only=True):
    """Agents as tools for AI: the MCP server and the cards of agents."""

    enabled: bool = False
    origins: list[str] = []  # of browsers that may call; written exactly, as https://assistant.example
    url: HttpUrl = ""  # what callers reach this system at; empty: the address served on


class DemoSettings(Struct, forbid_unknown_fields=True, kw_only=True):
    """How much demo data `masterlinc up` makes."""

    seed: int = 1447
    patients: Count = 240
    claims: Annotated[int, Meta(ge=0)] = 500


class Settings(Struct, forbid_unknown_fields=True, kw_only=True):
    """All settings of a process."""

    process: ProcessSettings = field(default_factory=ProcessSettings)
    http: HttpSettings = field(default_factory=HttpSettings)
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    redis: RedisSettings = field(default_factory=RedisSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    security: SecuritySettings = field(default_factory=SecuritySettings)
    vault: VaultSettings = field(default_factory=VaultSettings)
    engine: EngineSettings = field(default_factory=EngineSettings)
    audit: AuditSettings = field(default_factory=AuditSettings)
    tools: ToolsSettings = field(default_factory=ToolsSettings)
    demo: DemoSettings = field(default_factory=DemoSettings)
    agents: dict[str, dict[str, Any]] = {}  # each agent's section, checked against its own Struct

    def enabled(self, agent: str) -> bool:
        """Say whether the system runs this agent."""
        value = self.agents.get(agent, {}).get("enabled", True)
        try:
            return msgspec.convert(value, bool, strict=False)
        except msgspec.ValidationError:
            raise StartupError(f"configuration: [agents.{agent}] enabled is {value!r}, not true or false") from None

    def serves(self, agent: str) -> bool:
        """Say whether this process does this agent's work."""
        return self.enabled(agent) and (not self.process.agents or agent in self.process.agents)


def config_folder() -> Path:
    """Return the folder of the shipped configuration: in the checkout, or inside the wheel."""
    override = os.environ.get("MASTERLINC_CONFIG")
    if override:
        return Path(override)
    beside = Path(__file__).parent.parent / "config"
    return beside if beside.is_dir() else Path(__file__).parent / "_data" / "config"


def load(profile: str | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read default.toml, then the profiles' files in their order, then the environment; raises StartupError."""
    environment = os.environ if environment is None else environment
    folder = config_folder()
    tree: dict[str, Any] = {}
    profile = profile or environment.get("MASTERLINC_PROFILE") or ""
    for name in ["default", *profiles(profile)]:
        _merge(tree, _read(folder / f"{name}.toml"))
    _merge(tree, _from_environment(environment))
    settings = build(tree)
    read(settings, settings.vault)
    return settings


def profiles(text: str) -> list[str]:
    """Return the profiles that a text names, as `production,per-agent/claimlinc`; later ones win."""
    return [name.strip() for name in text.split(",") if name.strip()]


def build(tree: dict[str, Any]) -> Settings:
    """Check a tree of settings; raises StartupError naming the key."""
    try:
        return msgspec.convert(tree, Settings, strict=False, dec_hook=decode)
    except msgspec.ValidationError as fault:
        raise StartupError(f"configuration: {fault}") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StartupError(f"configuration: there is no file {path}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        raise StartupError(f"configuration: {path}: {fault}") from None


def _merge(tree: dict[str, Any], other: Mapping[str, Any]) -> None:
    for key, value in other.items():
        if isinstance(value, Mapping) and isinstance(tree.get(key), dict):
            _merge(tree[key], value)
        else:
            tree[key] = dict(value) if isinstance(value, Mapping) else value


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Read `MASTERLINC_<SECTION>__<KEY>`; a section that is no kernel section is an agent."""
    tree: dict[str, Any] = {}
    kernel = set(Settings.__struct_fields__) - {"agents"}
    for name, value in environment.items():
        if not name.startswith(ENVIRONMENT_PREFIX) or "__" not in name:
            continue
        path = name[len(ENVIRONMENT_PREFIX) :].lower().split("__")
        if not all(path):
            raise StartupError(f"configuration: {name} has an empty part")
        if not _put(tree, path if path[0] in kernel else ["agents", *path], _value(value)):
            raise StartupError(f"configuration: {name} is a value and a section at once")
    return tree


def _put(tree: dict[str, Any], path: list[str], value: Any) -> bool:
    """Put a value into its section; False where a value stands in the way, or a section in its place."""
    node: Any = tree
    for part in path[:-1]:
        node = node.setdefault(part, {})
        if not isinstance(node, dict):
            return False
    if isinstance(node.get(path[-1]), dict):
        return False
    node[path[-1]] = value
    return True


def _value(text: str) -> Any:
    """Read a list as JSON; anything else stays text that the setting's own type converts."""
    if text.startswith("["):
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError:
            return text
    return text
