"""The command `masterlinc tools`."""

import argparse


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    command = commands.add_parser("tools", help="list the tasks that AI clients may use as tools")
    command.set_defaults(run=_tools)


def _tools(_: argparse.Namespace) -> int:
    from masterlinc.registry import assemble, discover
    from masterlinc.settings import load
    from masterlinc.tools.catalogue import catalogue

    settings = load()
    for tool in catalogue(assemble(settings, *discover())).tools.values():
        print(f"{tool.name:<36} {tool.task.permission:<18} {_fields(tool.input_schema)}")
    if not settings.tools.enabled:
        print("Tools are off: nobody can use them until tools.enabled = true (MASTERLINC_TOOLS__ENABLED=true).")
    return 0


def _fields(schema: "dict[str, object]") -> str:
    """Return the input's fields; what may be left out is in brackets."""
    properties, required = schema.get("properties"), schema.get("required")
    if not isinstance(properties, dict) or not isinstance(required, list):
        return ""
    return ", ".join(name if name in required else f"[{name}]" for name in properties)
