"""Secrets in Vault or OpenBao: the KV store of version 2, through hvac. Everything here blocks, with a deadline."""

import math
import time
from typing import TYPE_CHECKING, Any

from masterlinc.secrets.files import SourceFault, read_file

if TYPE_CHECKING:
    from masterlinc.settings import VaultSettings

_PART_OF_LEASE = 0.5  # of a token's life, after which it is renewed


class Store:
    """A store that we have signed in to; for one thread at a time."""

    def __init__(self, settings: "VaultSettings") -> None:
        """Take the settings; raises SourceFault where they say no address, or hvac is not installed."""
        if not settings.address:
            raise SourceFault("vault.address is not set")
        try:
            import hvac
            import requests
        except ImportError:
            raise SourceFault("it takes the extra `vault`: pip install masterlinc[vault]") from None
        self._settings, self._hvac = settings, hvac
        self._faults = (hvac.exceptions.VaultError, requests.exceptions.RequestException)
        session = requests.Session()
        session.trust_env = False  # neither proxies nor a .netrc of the environment
        self._client = hvac.Client(
            url=settings.address,
            token="",  # none: it would take VAULT_TOKEN of the environment otherwise
            verify=settings.authorities or True,
            timeout=settings.deadline_seconds,
            allow_redirects=False,
            session=session,
            namespace=settings.namespace or None,
        )
        self._signed_in = False
        self._renew_at = math.inf

    def read(self, mount: str, path: str) -> dict[str, Any]:
        """Return the fields of a secret's newest version; raises SourceFault."""
        try:
            self._stay_signed_in()
            try:
                return self._read(mount, path)
            except self._hvac.exceptions.Forbidden:
                self._sign_in()  # the token may have been taken back
                return self._read(mount, path)
        except self._faults as fault:
            raise SourceFault(f"{self._settings.address} does not give {mount}/{path}: {_words(fault)}") from None

    def _read(self, mount: str, path: str) -> dict[str, Any]:
        answer = self._client.secrets.kv.v2.read_secret_version(
            path=path, mount_point=mount, raise_on_deleted_version=True
        )
        return dict(answer["data"]["data"])

    def _stay_signed_in(self) -> None:
        if not self._signed_in:
            self._sign_in()
        elif time.monotonic() >= self._renew_at:
            try:
                self._keep(self._client.auth.token.renew_self()["auth"])
            except self._faults:
                self._sign_in()

    def _sign_in(self) -> None:
        settings, mount = self._settings, self._settings.auth_mount or self._settings.auth
        match settings.auth:
            case "token":
                self._client.token = settings.token.reveal()
                told = self._client.auth.token.lookup_self()["data"]
                self._keep({"renewable": told["renewable"], "lease_duration": told["ttl"]})
            case "kubernetes":
                account = read_file(settings.service_account, closed=False)
                self._keep(self._client.auth.kubernetes.login(settings.role, account, mount_point=mount)["auth"])
            case "approle":
                secret_id = settings.secret_id.reveal() or None
                self._keep(self._client.auth.approle.login(settings.role_id, secret_id, mount_point=mount)["auth"])
        self._signed_in = True

    def _keep(self, auth: dict[str, Any]) -> None:
        lease = auth["lease_duration"]
        self._renew_at = time.monotonic() + lease * _PART_OF_LEASE if lease else math.inf
        if not auth["renewable"] and self._settings.auth == "token":
            self._renew_at = math.inf


def _words(fault: Exception) -> str:
    """Say what went wrong in words that hold no token: of an answer its errors, of a connection its kind."""
    errors = getattr(fault, "errors", None)
    return f"{type(fault).__name__}" + (f" ({', '.join(str(one) for one in errors)})" if errors else "")
