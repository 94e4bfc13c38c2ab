"""The rules that the kernel holds every agent to, over the agents of this repository."""

from masterlinc.conformance import *  # noqa: F403
