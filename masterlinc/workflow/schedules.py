"""Starts workflows at the times of their schedules: a row holds the next time, and who moves it on starts the run."""

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from cronsim import CronSim

from masterlinc.agent import Agent, Schedule
from masterlinc.clock import RIYADH
from masterlinc.observe.logs import logger
from masterlinc.plans import starting
from masterlinc.versions import newer

if TYPE_CHECKING:
    from masterlinc.context import Services

SYSTEM = UUID(int=0)  # the organization of the system's own upkeep: no row is of it
_LOCK = 0x6D6C_7363_6865  # one process writes them at a time
_STORED = "SELECT name, agent, version FROM masterlinc.schedule"
_FORGET = "DELETE FROM masterlinc.schedule WHERE name = ANY($1::text[])"
_REGISTER = """
INSERT INTO masterlinc.schedule AS s (name, agent, workflow, cron, version, next_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (name) DO UPDATE SET agent = excluded.agent, workflow = excluded.workflow, cron = excluded.cron,
    version = excluded.version,
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
    """Write the schedules of the enabled agents as rows; one that has changed begins anew.

    Those that a newer version has written stay as they are.
    """
    agents = services.registry.agents
    ours = {f"{agent.name}.{one.name}": (agent, one) for agent in agents for one in agent.schedules}
    async with services.db.transaction() as transaction:
        await transaction.execute(f"SELECT pg_advisory_xact_lock({_LOCK})")
        now = await transaction.fetchval("SELECT now()")
        stored = await transaction.fetch(_STORED)
        theirs = newer(stored, {agent.name: agent.version for agent in agents})
        await transaction.execute(_FORGET, sorted({row["name"] for row in stored} - ours.keys() - theirs))
        rows = [_row(*ours[name], now) for name in sorted(ours.keys() - theirs)]
        await transaction.executemany(_REGISTER, rows)


def _row(agent: Agent, one: Schedule, now: datetime) -> tuple[str, str, str, str, str, datetime]:
    name, workflow = f"{agent.name}.{one.name}", f"{agent.name}.{one.workflow}"
    return name, agent.name, workflow, one.cron, agent.version, following(one.cron, now)


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
