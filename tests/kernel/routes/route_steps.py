"""Steps of users' graphs."""

from typing import Any


def step(name: str, /, *after: str, agent_id: str = "masterlinc", action: str = "echo", **more: Any) -> dict[str, Any]:
    """A step of a user's graph."""
    given = {"message": name} if action == "echo" else {}
    return {"step_id": name, "agent_id": agent_id, "action": action, "depends_on": [*after], "input_data": given} | more
