"""What benchmarks of the engine and of the relay share: settings for the database of a run."""

import base64
from typing import Any
from uuid import UUID

from masterlinc.secrets import Secret
from masterlinc.settings import RedisUrl, Settings, load

ORGANIZATION = UUID("01890000-0000-7000-8000-000000000001")


def settings_of(plan: Any) -> Settings:
    """Return the shipped settings, with the database of a run and what its plan changes."""
    settings = load(environment={})
    settings.agents = {}
    settings.database.url, settings.database.owner_url = Secret(plan.app), Secret(plan.owner)
    settings.security.master_key = Secret(base64.b64encode(b"for benchmarks: thirty-two bytes").decode())
    for section in ("database", "engine", "redis", "process"):
        for name, value in plan.tuning.get(section, {}).items():
            setattr(getattr(settings, section), name, RedisUrl(value) if (section, name) == ("redis", "url") else value)
    return settings
