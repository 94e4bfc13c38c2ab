"""Walks the chain from its first seal to the last, and compares every row with what was sealed."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

from masterlinc.audit.verification import chain as chains
from masterlinc.audit.verification import rows as read
from masterlinc.audit.verification.anchors import Anchors
from masterlinc.audit.verification.chain import ENTRY, Chain
from masterlinc.audit.verification.report import MOST, Fault, Report
from masterlinc.audit.verification.rows import Row

_ROWS_A_PAGE = 65_536
_FEWEST, _MOST_SEALS = 16, 1024
_UNSEALED = "SELECT count(*) FROM masterlinc.audit_event WHERE (xid, id) > ($1::xid8, $2::uuid)"
_ERASURES = "SELECT resource_id FROM masterlinc.audit_event WHERE action = 'audit.erase' AND resource = 'audit_event'"
_LOST = """
SELECT e.id FROM masterlinc.audit_event e WHERE e.patient IS NOT NULL AND e.organization_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM masterlinc.audit_patient p
    WHERE p.patient = e.patient AND p.event_id = e.id AND p.organization_id = e.organization_id)
ORDER BY e.xid, e.id LIMIT $1
"""
_ALIEN = """
SELECT p.event_id FROM masterlinc.audit_patient p WHERE NOT EXISTS (
    SELECT FROM masterlinc.audit_event e
    WHERE e.id = p.event_id AND e.patient = p.patient AND e.organization_id = p.organization_id)
ORDER BY p.event_id LIMIT $1
"""

Tell = Callable[[Report], None]


async def verify(connection: Any, anchors: Anchors | None = None, tell: Tell = lambda _: None) -> Report:
    """Compare rows, seals, keys and what was kept elsewhere, in the connection's open transaction."""
    anchors = anchors or Anchors()
    known = await chains.keys(connection)
    report = Report()
    for fault in known.faults:
        report.add(fault)
    chain = Chain(known, frozenset(kept.number for kept in anchors.checkpoints))
    erased: list[bytes] = []
    most = _FEWEST
    while page := await chains.seals(connection, chain.number, most):
        after = chain.place
        wrong = {seal["number"]: chain.faults_of(seal) for seal in page}
        found = await read.between(connection, after, chain.place)
        erased += [entry[:16] for _, entry, is_erased in found if is_erased]
        for fault in _compared(page, wrong, found):
            report.add(fault)
        report.seals, report.rows = report.seals + len(page), report.rows + len(found)
        most = min(max(_FEWEST, _ROWS_A_PAGE * len(page) // max(1, len(found))), _MOST_SEALS)
        tell(report)
    report.erased = len(erased)
    await _look_beside(connection, report, erased, chain.place)
    for fault in anchors.faults(chain, known):
        report.add(fault)
    return report


def _compared(page: list[Any], wrong: dict[int, list[Fault]], found: list[Row]) -> Iterator[Fault]:
    """Yield the faults of each seal, and then of its rows."""
    at = 0
    for seal in page:
        yield from wrong[seal["number"]]
        last = seal["last_xid"].to_bytes(8, "big") + seal["last_id"].bytes
        first = at
        while at < len(found) and found[at][0] <= last:
            at += 1
        entries = [entry for _, entry, _ in found[first:at]]
        if b"".join(entries) != seal["entries"]:
            yield from _row_faults(seal, entries)


def _row_faults(seal: Any, entries: list[bytes]) -> Iterator[Fault]:
    number, listed = seal["number"], seal["entries"]
    if chains.tree([entry[16:] for entry in entries] or [b""]) == seal["root"]:
        return  # the rows are as they were signed: it is the list that was changed, which is told already
    sealed = {listed[at : at + 16]: listed[at + 16 : at + ENTRY] for at in range(0, len(listed), ENTRY)}
    there = {entry[:16]: entry[16:] for entry in entries}
    for identity, leaf in sealed.items():
        if identity not in there:
            yield Fault("deleted", "a sealed row is not there any more", number, _shown(identity))
        elif there[identity] != leaf:
            yield Fault("changed", "the row is not as it was sealed", number, _shown(identity))
    for identity in there.keys() - sealed.keys():
        yield Fault("inserted", "the row was not there when its place was sealed", number, _shown(identity))


async def _look_beside(connection: Any, report: Report, erased: list[bytes], place: bytes) -> None:
    """Look at what stands beside the chain: rows that wait for a seal, records of erasures, rows by patient."""
    report.unsealed = await connection.fetchval(_UNSEALED, int.from_bytes(place[:8], "big"), UUID(bytes=place[8:]))
    if erased:
        recorded = {row["resource_id"] for row in await connection.fetch(_ERASURES)}
        for identity in erased:
            if _shown(identity) not in recorded:
                report.add(Fault("erased", "no row of the audit says that it was erased", row=_shown(identity)))
    for row in await connection.fetch(_LOST, MOST):
        report.add(Fault("patient", "the row is not found under its patient any more", row=str(row[0])))
    for row in await connection.fetch(_ALIEN, MOST):
        report.add(Fault("patient", "the row is found under a patient that it does not name", row=str(row[0])))


def _shown(identity: bytes) -> str:
    return str(UUID(bytes=identity))
