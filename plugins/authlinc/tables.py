"""The tables of this agent, as Piccolo queries them; the migrations say what they are.

Piccolo knows no key of several columns: of each, one column stands for it, and every query names the organization.
"""

from piccolo.columns import UUID, Array, BigInt, Bytea, Integer, Text, Timestamptz
from piccolo.table import Table

from masterlinc.db import ENGINE


class Organization(Table, schema="authlinc", db=ENGINE):
    """An organization of the directory."""

    id = UUID(primary_key=True, default=None)
    kind = Text(default=None)
    name = Text(default=None)
    name_ar = Text(default=None)
    created_at = Timestamptz(default=None)
    disabled_at = Timestamptz(null=True, default=None)


class OrganizationLicense(Table, schema="authlinc", db=ENGINE):
    """A licence that an organization is found by."""

    organization_id = UUID(default=None)
    system = Text(default=None)
    value = Text(primary_key=True, default=None)


class UserAccount(Table, schema="authlinc", db=ENGINE):
    """A user."""

    organization_id = UUID(default=None)
    id = UUID(primary_key=True, default=None)
    email = Bytea(default=None)
    email_index = Bytea(default=None)
    password_hash = Text(null=True, default=None)
    name = Text(default=None)
    name_ar = Text(default=None)
    roles = Array(base_column=Text(default=None), default=None)
    disabled_at = Timestamptz(null=True, default=None)
    created_at = Timestamptz(default=None)


class Session(Table, schema="authlinc", db=ENGINE):
    """A session: the family of its refresh tokens."""

    organization_id = UUID(default=None)
    id = UUID(primary_key=True, default=None)
    user_id = UUID(default=None)
    created_at = Timestamptz(default=None)
    expires_at = Timestamptz(default=None)
    ended_at = Timestamptz(null=True, default=None)
    ended_why = Text(null=True, default=None)
    opened_by = Text(null=True, default=None)
    address = Text(null=True, default=None)
    refreshed_at = Timestamptz(null=True, default=None)


class RefreshToken(Table, schema="authlinc", db=ENGINE):
    """A refresh token, by its digest."""

    organization_id = UUID(default=None)
    token_hash = Bytea(primary_key=True, default=None)
    session_id = UUID(default=None)
    expires_at = Timestamptz(default=None)
    used_at = Timestamptz(null=True, default=None)


class LoginAttempt(Table, schema="authlinc", db=ENGINE):
    """The wrong tries to sign in with an address."""

    account = Bytea(primary_key=True, default=None)
    failed = Integer(default=None)
    paused_until = Timestamptz(null=True, default=None)
    last_at = Timestamptz(default=None)


class LoginSpread(Table, schema="authlinc", db=ENGINE):
    """An account that was tried from a network, or with a password."""

    source = Bytea(default=None)
    account = Bytea(primary_key=True, default=None)
    last_at = Timestamptz(default=None)


class SigningKey(Table, schema="authlinc", db=ENGINE):
    """A key that signs tokens, until it is retired."""

    kid = Text(primary_key=True, default=None)
    sealed = Bytea(default=None)
    created_at = Timestamptz(default=None)
    retired_at = Timestamptz(null=True, default=None)


class SecondFactor(Table, schema="authlinc", db=ENGINE):
    """A user's authenticator, its secret sealed."""

    organization_id = UUID(default=None)
    user_id = UUID(primary_key=True, default=None)
    secret = Bytea(default=None)
    created_at = Timestamptz(default=None)
    confirmed_at = Timestamptz(null=True, default=None)
    last_step = BigInt(default=None)


class RecoveryCode(Table, schema="authlinc", db=ENGINE):
    """A recovery code, by its digest."""

    organization_id = UUID(default=None)
    user_id = UUID(default=None)
    code_hash = Bytea(primary_key=True, default=None)
    used_at = Timestamptz(null=True, default=None)


class LoginChallenge(Table, schema="authlinc", db=ENGINE):
    """A sign-in that waits for its second step."""

    organization_id = UUID(default=None)
    challenge_hash = Bytea(primary_key=True, default=None)
    user_id = UUID(default=None)
    purpose = Text(default=None)
    proven = Array(base_column=Text(default=None), default=None)
    password_mark = Bytea(default=None)
    expires_at = Timestamptz(default=None)
    used_at = Timestamptz(null=True, default=None)


class ApiKey(Table, schema="authlinc", db=ENGINE):
    """A key of an organization's machine."""

    organization_id = UUID(default=None)
    id = UUID(primary_key=True, default=None)
    name = Text(default=None)
    scopes = Array(base_column=Text(default=None), default=None)
    created_by = UUID(default=None)
    created_at = Timestamptz(default=None)
    expires_at = Timestamptz(default=None)
    revoked_at = Timestamptz(null=True, default=None)
    last_used_at = Timestamptz(null=True, default=None)
    xid = BigInt(default=None)


class ApiKeySecret(Table, schema="authlinc", db=ENGINE):
    """A secret of a key, by its digest."""

    organization_id = UUID(default=None)
    secret_hash = Bytea(primary_key=True, default=None)
    key_id = UUID(default=None)
    created_at = Timestamptz(default=None)
    expires_at = Timestamptz(default=None)
    xid = BigInt(default=None)


class OAuthClient(Table, schema="authlinc", db=ENGINE, tablename="oauth_client"):
    """An OAuth 2 client of an organization's machine."""

    organization_id = UUID(default=None)
    id = UUID(primary_key=True, default=None)
    name = Text(default=None)
    scopes = Array(base_column=Text(default=None), default=None)
    secret_hash = Bytea(null=True, default=None)
    public_key = Text(null=True, default=None)
    created_by = UUID(default=None)
    created_at = Timestamptz(default=None)
    expires_at = Timestamptz(default=None)
    revoked_at = Timestamptz(null=True, default=None)


class ClientAssertion(Table, schema="authlinc", db=ENGINE):
    """An assertion that a client has used."""

    organization_id = UUID(default=None)
    client_id = UUID(default=None)
    jti_hash = Bytea(primary_key=True, default=None)
    expires_at = Timestamptz(default=None)


class EmergencyAccess(Table, schema="authlinc", db=ENGINE):
    """Records that somebody opened in an emergency."""

    organization_id = UUID(default=None)
    id = UUID(primary_key=True, default=None)
    home_organization_id = UUID(default=None)
    user_id = UUID(default=None)
    session_id = UUID(default=None)
    patient_id = UUID(null=True, default=None)
    reason = Bytea(default=None)
    created_at = Timestamptz(default=None)
    expires_at = Timestamptz(default=None)
    ended_at = Timestamptz(null=True, default=None)
    ended_by = UUID(null=True, default=None)


class PasswordLink(Table, schema="authlinc", db=ENGINE):
    """A link by which a user chooses a password, by the digest of its token."""

    organization_id = UUID(default=None)
    id = UUID(primary_key=True, default=None)
    user_id = UUID(default=None)
    purpose = Text(default=None)
    token_hash = Bytea(default=None)
    password_mark = Bytea(default=None)
    made_at = Timestamptz(default=None)
    expires_at = Timestamptz(default=None)
    sent_at = Timestamptz(null=True, default=None)
    used_at = Timestamptz(null=True, default=None)


class MailCount(Table, schema="authlinc", db=ENGINE):
    """How many mails an address was sent lately."""

    account = Bytea(primary_key=True, default=None)
    mails = Integer(default=None)
    since = Timestamptz(default=None)


class Identity(Table, schema="authlinc", db=ENGINE):
    """A provider's name for a user, as a digest."""

    organization_id = UUID(default=None)
    provider = Text(default=None)
    subject_hash = Bytea(primary_key=True, default=None)
    user_id = UUID(default=None)
    linked_by = UUID(default=None)
    linked_at = Timestamptz(default=None)


class ProviderState(Table, schema="authlinc", db=ENGINE):
    """A sign-in that came back from a provider."""

    state_hash = Bytea(primary_key=True, default=None)
    expires_at = Timestamptz(default=None)


TABLES = (
    Organization,
    OrganizationLicense,
    UserAccount,
    Session,
    RefreshToken,
    LoginAttempt,
    LoginSpread,
    SigningKey,
    SecondFactor,
    RecoveryCode,
    LoginChallenge,
    ApiKey,
    ApiKeySecret,
    OAuthClient,
    ClientAssertion,
    EmergencyAccess,
    PasswordLink,
    MailCount,
    Identity,
    ProviderState,
)
