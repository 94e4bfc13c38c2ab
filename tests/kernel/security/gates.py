from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from masterlinc.security.keys import key_id
from masterlinc.security.permissions import Rbac, Role
from masterlinc.security.principal import Principal
from masterlinc.security.revocation import Revocations
from masterlinc.security.tokens import Realm, SigningKey, Subject, TokenVerifier, issue

REALM = Realm("masterlinc", "masterlinc-api")
NURSE = Role("Nurse", "ممرض", ("patient:read", "session:own"))


@dataclass
class Stopped:
    moment: datetime = datetime(2026, 3, 1, 9, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment


@dataclass
class Gate:
    """A verifier that trusts one key, and the tokens of that key."""

    clock: Stopped = field(default_factory=Stopped)
    revocations: Revocations = field(default_factory=Revocations)
    private: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    session: UUID = field(default_factory=uuid4)
    user: UUID = field(default_factory=uuid4)
    organization: UUID = field(default_factory=uuid4)

    def __post_init__(self) -> None:
        self.key = SigningKey(key_id(self.private), self.private)
        self.verifier = TokenVerifier(REALM, Rbac({"nurse": NURSE}), self.revocations, self.clock, remembered=8)
        self.verifier.trust({self.key.kid: self.private.public_key()})

    def token(self, *roles: str, life: timedelta = timedelta(minutes=10)) -> str:
        subject = Subject(self.user, self.organization, self.session, roles or ("nurse",))
        return issue(self.key, REALM, subject, now=self.clock.now(), life=life)

    def verify(self, token: str) -> Principal:
        return self.verifier.verify(token)
