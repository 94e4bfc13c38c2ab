"""A2A cards: what an agent is, what it can do for this caller, and where. The names are the protocol's."""

from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct, field

from masterlinc import __version__
from masterlinc.agent import Agent
from masterlinc.errors import NotFound
from masterlinc.registry import Registry
from masterlinc.security.principal import Principal
from masterlinc.settings import Settings
from masterlinc.tools.catalogue import Catalogue, Tool

PATH = "/mcp"
_A2A = "1.0"
_BINDING = "https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http"
_JSON = ("application/json",)


class Interface(Struct, frozen=True, rename="camel"):
    """Where the skills are called, and in which protocol."""

    url: str
    protocol_binding: str
    protocol_version: str


class Skill(Struct, frozen=True, rename="camel"):
    """A tool of the agent."""

    id: str
    name: str
    description: str
    tags: tuple[str, ...]


class Provider(Struct, frozen=True, rename="camel"):
    """Who runs the agent."""

    organization: str
    url: str


class Capabilities(Struct, frozen=True, rename="camel"):
    """What of the protocol is there beyond a question and its answer: nothing."""

    streaming: bool = False
    push_notifications: bool = False
    extended_agent_card: bool = False


def _bearer() -> dict[str, Any]:
    return {"bearer": {"httpAuthSecurityScheme": {"scheme": "Bearer", "bearerFormat": "JWT"}}}


def _asked() -> list[dict[str, Any]]:
    return [{"schemes": {"bearer": {"list": []}}}]


class Card(Struct, frozen=True, rename="camel"):
    """An agent card (A2A 1.0)."""

    name: str
    description: str
    supported_interfaces: tuple[Interface, ...]
    provider: Provider
    version: str
    skills: tuple[Skill, ...]
    capabilities: Capabilities = Capabilities()
    default_input_modes: tuple[str, ...] = _JSON
    default_output_modes: tuple[str, ...] = _JSON
    security_schemes: dict[str, Any] = field(default_factory=_bearer)
    security_requirements: list[dict[str, Any]] = field(default_factory=_asked)


def system_card(settings: Settings, registry: Registry, tools: Catalogue, principal: Principal) -> Card:
    """Return the card of the whole system."""
    return _card(
        settings,
        ("MASTERLINC", "Saudi health insurance, from the visit to the money", "التأمين الصحي من الزيارة إلى السداد"),
        __version__,
        tuple(_skill(registry, tool) for tool in tools.offered(principal)),
    )


def agent_card(settings: Settings, registry: Registry, tools: Catalogue, principal: Principal, name: str) -> Card:
    """Return the card of an enabled agent; raises NotFound."""
    agent = _agent(registry, name)
    english = agent.description or ", ".join(agent.capabilities) or agent.title
    words = (agent.title, english, agent.description_ar or agent.title_ar)
    return _card(settings, words, agent.version, tuple(_skill(registry, one) for one in tools.offered(principal, name)))


def address(settings: Settings) -> str:
    """Return what callers reach this system at, as the settings say; never what a request says of itself."""
    host = f"[{settings.http.host}]" if ":" in settings.http.host else settings.http.host
    return settings.tools.url or f"http://{host}:{settings.http.port}"


def origin(settings: Settings) -> str:
    """Return the origin of our own pages."""
    parts = urlsplit(address(settings))
    return f"{parts.scheme}://{parts.netloc}"


def _agent(registry: Registry, name: str) -> Agent:
    for agent in registry.agents:
        if agent.name == name:
            return agent
    raise NotFound


def _card(settings: Settings, words: tuple[str, str, str], version: str, skills: tuple[Skill, ...]) -> Card:
    name, english, arabic = words
    return Card(
        name=name,
        description=f"{english}. {arabic}.",
        supported_interfaces=(Interface(address(settings) + PATH, _BINDING, _A2A),),
        provider=Provider("MASTERLINC", address(settings)),
        version=version,
        skills=skills,
    )


def _skill(registry: Registry, tool: Tool) -> Skill:
    return Skill(
        tool.name, tool.task.summary, tool.description, (tool.agent, *_agent(registry, tool.agent).capabilities)
    )
