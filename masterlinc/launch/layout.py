"""Which processes there are: one of everything or one an agent, and how often each."""

from typing import Literal

from msgspec import Struct

from masterlinc.errors import StartupError
from masterlinc.settings import Settings, config_folder, load

Topology = Literal["single", "per-agent"]
FOLDER = "per-agent"
KERNEL = "masterlinc"
BASE_PORT = 8000  # what the ports in config/per-agent are counted from
STEP = 10  # between the ports of replicas
LAST_PORT = 65_535


class Layout(Struct, frozen=True):
    """What was asked for; kept beside the processes, so that `stop` and `status` know it."""

    topology: Topology = "single"
    replicas: int = 1
    host: str = "127.0.0.1"
    port: int = BASE_PORT
    profile: str = ""
    embedded: bool = True


class Member(Struct, frozen=True):
    """A process that serves: its name, the profile over that of the system, and the agents that it serves besides."""

    name: str
    profile: str
    port: int
    agents: tuple[str, ...] = ()


def members(layout: Layout, settings: Settings, installed: list[str]) -> list[Member]:
    """Return the processes of a layout, in start order; raises StartupError."""
    first = (
        [Member(KERNEL, "", layout.port)] if layout.topology == "single" else _per_agent(layout, settings, installed)
    )
    found = [_replica(one, number) for number in range(layout.replicas) for one in first]
    ports = [one.port for one in found]
    if max(ports) > LAST_PORT or len(set(ports)) < len(ports):
        raise StartupError(f"the ports {min(ports)} to {max(ports)} cannot be given to {len(ports)} processes")
    return found


def connections(found: list[Member], settings: Settings) -> int:
    """Return how many connections these processes may open together, with some for commands."""
    each = settings.database.pool_size + 2  # of its own: health, heartbeat
    return max(60, (each + 1) * len(found) + 20)


def _replica(one: Member, number: int) -> Member:
    if number == 0:
        return one
    return Member(f"{one.name}-{number + 1}", one.profile, one.port + STEP * number, one.agents)


def _per_agent(layout: Layout, settings: Settings, installed: list[str]) -> list[Member]:
    """One for each profile of an enabled agent; the kernel's also serves agents that have no profile."""
    profiles = {path.stem: f"{FOLDER}/{path.stem}" for path in (config_folder() / FOLDER).glob("*.toml")}
    enabled = [name for name in installed if settings.enabled(name)]
    rest = tuple(name for name in enabled if name not in profiles)
    names = [KERNEL, *(name for name in enabled if name in profiles)]
    return [
        Member(
            name,
            profiles.get(name, ""),
            layout.port + _port(profiles.get(name, "")) - BASE_PORT,
            (KERNEL, *rest) if name == KERNEL else (),
        )
        for name in names
    ]


def _port(profile: str) -> int:
    return load(profile, environment={}).http.port if profile else BASE_PORT
