"""Who may do what: principals, permissions, tokens, revocation, passwords, guards."""

from masterlinc.security.principal import Principal, service_principal

__all__ = ["Principal", "service_principal"]
