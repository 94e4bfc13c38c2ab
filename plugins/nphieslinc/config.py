"""Settings of this agent: `[agents.nphieslinc]`."""

from typing import Literal

from msgspec import Struct, field

SIMULATOR = "simulator"
Strictness = Literal["envelope", "full"]
_LONGEST = 60.0


class Simulator(Struct, forbid_unknown_fields=True, kw_only=True):
    """The hub and payer that run in this process where `hub` is `simulator`."""

    auto_enrol: bool = False  # demo only: unknown members are enrolled, and the decision says so
    default_payer: str = ""  # with auto_enrol: the licence of the payer that stands in for one that is not here


class Config(Struct, forbid_unknown_fields=True, kw_only=True):
    """Where the hub is, and how strictly messages are judged.

    `envelope`: rules beyond the envelope are warnings; `full`: they refuse the message.
    """

    hub: str = ""  # the https URL of $process-message, or `simulator`; nobody means the simulator by saying nothing
    strictness: Strictness = "full"
    base_url: str = "http://masterlinc.example"  # begins the URLs of resources in messages that are built here
    deadline_seconds: float = 60.0  # a session of the exchange
    attempts: int = 3
    client_certificate: str = ""  # PEM files of the facility
    client_key: str = ""
    authorities: str = ""  # empty: the system's
    simulator: Simulator = field(default_factory=Simulator)

    def __post_init__(self) -> None:
        """Refuse what would send health data in the clear, or wait for ever."""
        if not self.hub:
            raise ValueError("hub is not set: the https URL of the exchange, or `simulator`")
        if self.hub != SIMULATOR and not self.hub.startswith("https://"):
            raise ValueError("hub must be `simulator` or an https URL")
        if bool(self.client_certificate) != bool(self.client_key):
            raise ValueError("client_certificate and client_key are set together")
        if not 0 < self.deadline_seconds <= _LONGEST or self.attempts < 1:
            raise ValueError(
                f"deadline_seconds is at most {_LONGEST:g} (a session of the exchange), attempts at least 1"
            )
