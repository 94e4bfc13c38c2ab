"""What a limit says, and what taking from it answers."""

from msgspec import Struct

from masterlinc.errors import TooMany

SLOTS = 10  # that a window is counted in


class Policy(Struct, frozen=True):
    """So many requests in a window, for each subject; two policies of one name share their counts."""

    name: str  # letters, digits and dashes: it stands in headers and in keys of Redis
    limit: int
    seconds: int = 60


class Taken(Struct, frozen=True, gc=False):
    """Whether a request may go on, how many more may follow, and in how many seconds there will be more again."""

    policy: Policy
    allowed: bool
    remaining: int
    seconds: int

    @property
    def fields(self) -> tuple[str, str]:
        """Return the values of `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers)."""
        policy = self.policy
        return (
            f'"{policy.name}";q={policy.limit};w={policy.seconds}',
            f'"{policy.name}";r={self.remaining};t={self.seconds}',
        )


class OverLimit(TooMany):
    """A caller came more often than its limit."""

    code = "rate-limited"
    title, title_ar = "Too many requests; come again later", "عدد الطلبات أكبر من المسموح؛ حاول لاحقاً"

    def __init__(self, taken: Taken) -> None:
        """Say when to come again."""
        seconds = taken.seconds
        super().__init__(
            f"Too many requests; come again in {seconds} seconds",
            f"عدد الطلبات أكبر من المسموح؛ حاول بعد {seconds} ثانية",
            headers={"Retry-After": str(seconds)},
            extra={"violated-policies": [taken.policy.name]},
        )
