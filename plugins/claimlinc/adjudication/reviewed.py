"""A line that a person of the payer has ruled on: the ruling sets what is allowed, the same money rules share it.

Cover holds for a reviewer as for a rule, and so do limits; both yield only to a ruling that overrides them. What waits
for a person yields to every ruling, and so do edits: to judge what they found is what a reviewer is for.
"""

from msgspec.structs import replace

from claimlinc.adjudication import words
from claimlinc.adjudication.facts import LineRuling
from claimlinc.adjudication.limits import draw
from claimlinc.adjudication.price import PRICE_RULES
from claimlinc.adjudication.review import REVIEW, rule_on, set_aside
from claimlinc.adjudication.rules import EDIT_RULES, ELIGIBILITY_RULES, MONEY_RULES
from claimlinc.adjudication.work import ClaimWork, LineWork, Rule, look, trace_step
from claimlinc.contract import Outcome, TraceStep

_ELIGIBILITY = {rule.id: rule for rule in ELIGIBILITY_RULES}
_SHARING = tuple(rule for rule in MONEY_RULES if rule not in PRICE_RULES)


def decide_reviewed(claim: ClaimWork, work: LineWork, ruling: LineRuling) -> words.Words | None:
    """Decide a line as a person ruled; returns the reason where it is theirs."""
    look(ELIGIBILITY_RULES, claim, work)
    if work.outcome is Outcome.PENDED:
        _wait_no_longer(work)
    if work.stopped and not (ruling.override and work.grant):
        return None
    if work.stopped:
        work.outcome, work.denial_code, work.stopped = Outcome.APPROVED, None, False
        work.trace = [_yields(step) for step in work.trace]
    work.trace.extend(_yields(trace_step(rule, rule.run(claim, work))) for rule in EDIT_RULES)
    work.trace.extend(trace_step(REVIEW, found) for found in set_aside(ruling))
    ruled = rule_on(claim, work, ruling)
    step = trace_step(REVIEW, ruled.finding)
    work.trace.append(step)
    work.outcome, work.denial_code = ruled.outcome, ruled.denial_code
    if ruled.outcome is Outcome.REJECTED:
        return words.say(step)
    _share_all(claim, work, ruling)
    draw(claim, work)
    cut = (work.outcome, work.denial_code) != (ruled.outcome, ruled.denial_code)
    return None if cut or ruled.outcome is Outcome.APPROVED else words.say(step)


def _wait_no_longer(work: LineWork) -> None:
    """Leave what waits about the cover to the ruling; what rejects behind it decides then."""
    work.outcome, work.denial_code, work.stopped = Outcome.APPROVED, None, False
    for place, step in enumerate(work.trace):
        case = _ELIGIBILITY[step.rule].cases[step.case]
        if case.outcome is Outcome.PENDED:
            work.trace[place] = _yields(step)
        elif case.outcome is Outcome.REJECTED and not work.stopped:
            work.outcome, work.denial_code, work.stopped = Outcome.REJECTED, case.code, True


def _share_all(claim: ClaimWork, work: LineWork, ruling: LineRuling) -> None:
    if not ruling.override:
        look(_SHARING, claim, work)
        return
    for rule in _SHARING:
        _share_uncut(rule, claim, work)


def _share_uncut(rule: Rule, claim: ClaimWork, work: LineWork) -> None:
    """Let a money rule share what is allowed, and cut nothing."""
    before = work.allowed, work.payer, work.quantity
    found = rule.run(claim, work)
    step = trace_step(rule, found)
    if rule.cases[found.case].outcome is not None:
        (work.allowed, work.payer, work.quantity), step = before, _yields(step)
    work.trace.append(step)


def _yields(step: TraceStep) -> TraceStep:
    """Return a finding that decides nothing here: kept with its words, so that nobody takes it for the reason."""
    text, text_ar = words.say(step)
    return replace(step, case="", text=text, text_ar=text_ar)
