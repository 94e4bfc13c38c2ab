"""Starts workflows at the times of their schedules: a row holds the next time, and who moves it on starts the run."""

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from cronsim import CronSim

from masterlinc.agent import Schedule
from masterlinc.clock import RIYADH
from masterlinc.observe.logs import logger
from masterlinc.plans import starting

if TYPE_CHECKING:
    from masterlinc.context import Services

SYSTEM = UUID(int=0)  # the organization of the system's own upkeep: no row is of it
_KNOWN = "SELECT name, cron, workflow FROM masterlinc.schedule"
_FORGET = "DELETE FROM masterlinc.schedule WHERE name <> ALL($1::text[])"
_REGISTER = """
INSERT INTO masterlinc.schedule AS s (name, agent, workflow, cron, next_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (name) DO UPDATE SET agent = excluded.agent, workflow = excluded.workflow, cron = excluded.cron,
    next_at = CASE WHEN s.cron = excluded.cron THEN s.next_at ELSE excluded.next_at END
"""
_DUE = """
SELECT name, workflow, cron, next_at, now() AS now FROM masterlinc.schedule
WHERE next_at <= now() AND agent = ANY ($1::text[]) ORDER BY next_at
"""
_MOVE_ON = """
UPDATE masterlinc.schedule SET next_at = $3, last_at = next_at WHERE name = $1 AND next_at = $2 RETURNING 1
"""


def following(cron: str, moment: datetime) -> datetime:
    """Return the first time of a cron expression after a moment, both in UTC; the expression is read in Riyadh."""
    return next(CronSim(cron, moment.astimezone(RIYADH))).astimezone(moment.tzinfo)


async def register(services: "Services") -> None:
    """Write the schedules of the enabled agents as rows; one that has changed begins anew."""
    schedules = [(agent.name, one) for agent in services.registry.agents for one in agent.schedules]
    async with services.db.transaction() as transaction:
        now = await transaction.fetchval("SELECT now()")
        await transaction.execute(_FORGET, [f"{agent}.{one.name}" for agent, one in schedules])
        await transaction.executemany(_REGISTER, [_row(agent, one, now) for agent, one in sorted(schedules, key=str)])


def _row(agent: str, one: Schedule, now: datetime) -> tuple[str, str, str, str, datetime]:
    return f"{agent}.{one.name}", agent, f"{agent}.{one.workflow}", one.cron, following(one.cron, now)


async def start_due(services: "Services") -> int:
    """Start what is due, once for all processes: the row's next time is the fence, the time itself the business key.

    Times that passed while no process ran are made up for by one run.
    """
    async with services.db.connection() as connection:
        due = await connection.fetch(_DUE, sorted(services.served))
    started = 0
    for row in due:
        plan = services.registry.plans.get(row["workflow"])
        if plan is None:  # of another build of this system: a process that has it will start it
            continue
        async with services.db.transaction(frozenset({SYSTEM})) as transaction:
            after = following(row["cron"], row["now"])
            if await transaction.fetchval(_MOVE_ON, row["name"], row["next_at"], after) is None:
                continue  # another process was first
            key = f"{row['name']}@{row['next_at'].isoformat()}"
            await starting.start(services, transaction, plan, starting.Start(key, SYSTEM))
            started += 1
            logger.info("schedule started", name=row["name"])
    return started
