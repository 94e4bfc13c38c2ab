"""Secrets among the settings: written as they are, or as the place that keeps them, and shown nowhere."""

from masterlinc.secrets.secret import Secret, decode, secrets_of

__all__ = ["Secret", "decode", "secrets_of"]
