"""Which agent takes a piece of work, and whether it says why."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masterlinc.agent import Agent
from masterlinc.delegation import Standing, Wish, choose, vocabulary, words_of

CLAIMS = words_of("claims billing", "مطالبات الفوترة")
PATIENTS = words_of("patients appointments", "المرضى والمواعيد")


def standing(name: str, status: str = "online", **more: object) -> Standing:
    return Standing(name, status, **more)  # type: ignore[arg-type]


def chosen(*standings: Standing, description: str = "", **wish: str) -> str | None:
    return choose(standings, Wish(description, **wish)).agent_id


def reasons(*standings: Standing, description: str = "", **wish: str) -> dict[str, str]:
    return {one.agent_id: one.reason for one in choose(standings, Wish(description, **wish)).considered}


@pytest.mark.parametrize(
    ("description", "agent"),
    [
        ("Check the billing of this claim", "claims"),
        ("Book an appointment for the patient", "patients"),
        ("راجع فوترة مطالبات اليوم", "claims"),
        ("حجز مواعيد المرضى", "patients"),
        ("BILLING", "claims"),
    ],
)
def test_words_in_either_language_find_the_agent(description, agent):
    both = standing("claims", words=CLAIMS), standing("patients", words=PATIENTS)
    assert chosen(*both, description=description) == agent
    assert chosen(*reversed(both), description=description) == agent


def test_a_word_that_few_know_counts_more():
    wide = words_of("claim policy patient")
    assert (
        chosen(standing("a", words=wide), standing("b", words=words_of("claim fhir")), description="fhir claim") == "b"
    )


def test_health_then_load_then_priority_decide_among_those_that_fit_alike():
    one = {"capabilities": ("coding",)}
    assert chosen(standing("a", "degraded", **one), standing("b", running=9, **one), capability="coding") == "b"
    assert chosen(standing("a", queued=2, **one), standing("b", running=1, **one), capability="coding") == "b"
    assert chosen(standing("a", **one), standing("b", priority=1, **one), capability="coding") == "b"
    assert chosen(standing("b", **one), standing("a", **one), capability="coding") == "a"


@pytest.mark.parametrize("wish", [{"capability": "coding"}, {"capability": "sign"}, {"task": "x.sign"}])
@pytest.mark.parametrize(
    ("better", "worse", "reason"),
    [
        ({}, {"status": "degraded"}, "it is degraded, b is online"),
        ({"priority": 9}, {"queued": 1}, "its load is 1, that of b 0"),
        ({"priority": 1}, {"priority": 2}, "its priority is 2, that of b 1"),
    ],
)
def test_words_do_not_outrank_health_load_and_priority_where_something_is_asked_for(wish, better, worse, reason):
    able = {"capabilities": ("coding",), "tasks": ("x.sign",)}
    words = {"words": words_of("claim billing"), **able}
    both = standing("a", **worse, **words), standing("b", **better, **able)
    assert chosen(*both, description="billing of the claim", **wish) == "b"
    assert reasons(*both, description="billing of the claim", **wish)["a"] == reason


def test_words_decide_between_equals_that_offer_what_is_asked_for():
    both = standing("a", capabilities=("coding",)), standing("b", capabilities=("coding",), words=CLAIMS)
    assert chosen(*both, description="billing", capability="coding") == "b"
    assert reasons(*both, description="billing", capability="coding")["a"] == "b knows more of the words"


def test_what_is_asked_for_goes_before_all():
    idle, able = (
        standing("idle"),
        standing("able", "degraded", running=99, tasks=("able.sign",), capabilities=("seals",)),
    )
    assert chosen(idle, able, task="able.sign") == "able"
    assert chosen(idle, able, capability="seals") == "able"
    assert chosen(idle, able, capability="sign") == "able"
    assert chosen(idle, able, capability="nothing") is None


def test_the_preferred_agent_is_taken_when_it_is_fit_and_else_told_why_not():
    best, wanted = standing("best", words=CLAIMS), standing("wanted", queued=50)
    assert chosen(best, wanted, description="billing", preferred="wanted") == "wanted"
    assert reasons(best, wanted, description="billing", preferred="wanted") == {
        "wanted": "it was preferred and is fit: online, load 50, priority 5",
        "best": "wanted was preferred",
    }
    away = standing("wanted", "offline")
    assert chosen(best, away, preferred="wanted") == "best"
    assert reasons(best, away, preferred="wanted")["wanted"] == "no process that lives serves it"


def test_nobody_is_chosen_where_nobody_is_online():
    choice = choose([standing("a", "offline"), standing("b", "maintenance")], Wish("anything"))
    assert choice.agent_id is None
    assert [one.chosen for one in choice.considered] == [False, False]
    assert choose([], Wish("anything")).considered == ()


def test_each_reason_names_what_decided():
    told = reasons(
        standing("a", words=CLAIMS),
        standing("b", "degraded", words=CLAIMS),
        standing("c", running=1, words=CLAIMS),
        standing("d", priority=9, words=CLAIMS),
        standing("e", words=CLAIMS),
        standing("f", words=PATIENTS),
        standing("g", "maintenance", words=CLAIMS),
        description="billing",
    )
    assert told == {
        "a": "it knows the words billing: online, load 0, priority 5",
        "b": "it is degraded, a is online",
        "c": "its load is 1, that of a 0",
        "d": "its priority is 9, that of a 5",
        "e": "equal to a, and comes after it by name",
        "f": "a knows more of the words",
        "g": "it is disabled",
    }


def test_an_agent_is_found_by_its_names_and_what_it_can_do():
    agent = Agent(
        "toylinc", "ToyLinc", "توي لينك", "1", ">=0", capabilities=("claim_greeting",), description="Says hello"
    )
    assert {"toylinc", "توي", "claim", "greeting", "hello"} <= vocabulary(agent)


STANDINGS = st.lists(
    st.builds(
        Standing,
        st.sampled_from("abcdefgh"),
        st.sampled_from(["online", "degraded", "maintenance", "offline"]),
        st.integers(1, 9),
        st.integers(0, 3),
        st.integers(0, 3),
        st.sampled_from([(), ("x",), ("y",)]),
        st.sampled_from([(), ("a.t",)]),
        st.sets(st.sampled_from(["claim", "patient", "code"])).map(frozenset),
    ),
    unique_by=lambda one: one.agent_id,
)
WISHES = st.builds(
    Wish,
    st.lists(st.sampled_from(["claim", "patients", "codes", "other"])).map(" ".join),
    st.sampled_from([None, "x", "t"]),
    st.sampled_from([None, "a.t"]),
    st.sampled_from([None, "a", "z"]),
)


@given(STANDINGS, WISHES, st.randoms())
def test_every_agent_is_explained_once_and_the_order_does_not_matter(standings, wish, random):
    choice = choose(standings, wish)
    assert sorted(one.agent_id for one in choice.considered) == sorted(one.agent_id for one in standings)
    assert [one.agent_id for one in choice.considered if one.chosen] == ([choice.agent_id] if choice.agent_id else [])
    assert all(one.reason and one.reason_ar for one in choice.considered)
    random.shuffle(standings)
    assert choose(standings, wish) == choice
    if choice.agent_id:
        taken = next(one for one in standings if one.agent_id == choice.agent_id)
        assert taken.status in {"online", "degraded"}
        assert wish.task is None or wish.task in taken.tasks
