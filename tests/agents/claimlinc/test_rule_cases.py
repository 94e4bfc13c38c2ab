"""Every case of every rule: it is found by a scenario, and it is told in both languages with what the rule gives."""

import re

import pytest
from rule_scenarios import SCENARIOS

from claimlinc.adjudication import RULES, decide, words
from claimlinc.adjudication.cover import CLAIM_RULES
from claimlinc.adjudication.review import REVIEW
from claimlinc.contract import TraceStep

_ALL = (*CLAIM_RULES, *RULES, REVIEW)
_CASES = [(rule, name) for rule in _ALL for name in rule.cases]
_ARABIC = re.compile("[\u0600-\u06ff]")


def steps() -> dict[tuple[str, str], list[TraceStep]]:
    found: dict[tuple[str, str], list[TraceStep]] = {}
    for claim, facts in SCENARIOS:
        decision = decide(claim, facts)
        for step in (*decision.trace, *(step for line in decision.lines for step in line.trace)):
            if not step.text:  # what yields to a person's ruling is kept with its words, and decides nothing
                found.setdefault((step.rule, step.case), []).append(step)
    return found


@pytest.fixture(scope="module")
def found():
    return steps()


@pytest.mark.parametrize(("rule", "name"), _CASES, ids=[f"{rule.id}-{name}" for rule, name in _CASES])
def test_a_case_is_found_and_told_in_both_languages(found, rule, name):
    seen = found.get((rule.id, name), [])
    assert seen, f"no scenario in rule_scenarios.py has rule {rule.id} find {name}"
    for step in seen:
        assert all(isinstance(value, str) for value in step.inputs.values())
        english, arabic = words.say(step)
        assert not re.search("[{}]", english + arabic)
        assert english[0].isupper() or english[0].isdigit()
        assert english.endswith(".")
        assert arabic.endswith(".")
        assert _ARABIC.search(arabic)
        assert not _ARABIC.search(english) or any(_ARABIC.search(value) for value in step.inputs.values())


def test_no_rule_finds_what_is_not_among_its_cases(found):
    assert {*found} <= {(rule.id, name) for rule, name in _CASES}


def test_deciding_makes_no_words():
    """But for what yields to a person's ruling: see claimlinc.adjudication.reviewed."""
    for claim, facts in SCENARIOS:
        decision = decide(claim, facts)
        if facts.review is None:
            assert not any(line.reason or any(step.text for step in line.trace) for line in decision.lines)


def test_rules_are_told_apart():
    assert len({rule.id for rule in _ALL}) == len(_ALL)
    for rule in _ALL:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.id)
        assert rule.version.isdecimal()
        assert rule.title
        assert _ARABIC.search(rule.title_ar)
        assert rule.source.endswith(".")


def test_denials_have_the_shape_of_nphies():
    codes = {case.code for rule in _ALL for case in rule.cases.values() if case.code}
    assert all(re.fullmatch(r"(AD|CV|MN|SE|BE)-[1-4]-(10|[1-9])", code) for code in codes)


def test_what_stands_has_no_denial():
    """Only what is rejected, cut or waits may have a code; what is rejected must have one."""
    for rule, name in _CASES:
        case = rule.cases[name]
        assert case.outcome is not None or case.code is None
        assert case.outcome is None or case.outcome.value != "rejected" or case.code


def test_a_step_that_was_kept_with_words_keeps_them():
    kept = TraceStep("cover-period", "1", {}, "within", "It lay within.", "ضمن الفترة.")
    assert words.say(kept) == ("It lay within.", "ضمن الفترة.")


def test_a_step_of_a_rule_that_is_gone_still_says_something():
    gone = TraceStep("cover-moon", "7", {}, "full", case="full")
    assert words.say(gone) == (
        "Rule cover-moon, version 7, found: full.",
        "نتيجة القاعدة cover-moon، الإصدار 7: full.",
    )


def test_braces_and_percent_signs_of_others_are_only_text():
    step = TraceStep(
        "cover-status", "1", {"status": "{x}", "policy_number": "%s{0}", "service_date": "d"}, "x", case="active"
    )
    assert words.say(step)[0] == "The cover under policy %s{0} is {x} on d."
