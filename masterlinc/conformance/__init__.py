"""The rules that the kernel holds every agent to, as tests: `from masterlinc.conformance import *` in a test module.

Or with no test module: `pytest -p masterlinc.testing --pyargs masterlinc.conformance --agent NAME`.
"""

from masterlinc.conformance.test_agent import (
    test_it_is_written_as_it_should_be,
    test_it_runs_as_it_should,
    test_its_migrations_run,
    test_its_tables_are_as_they_should_be,
    test_the_kernel_takes_it,
)

__all__ = [
    "test_it_is_written_as_it_should_be",
    "test_it_runs_as_it_should",
    "test_its_migrations_run",
    "test_its_tables_are_as_they_should_be",
    "test_the_kernel_takes_it",
]
