"""Which agent takes a piece of work, and why: a pure choice among agents as they stand."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from msgspec import Struct

from masterlinc.agent import Agent
from masterlinc.text import fold

_WORD = re.compile(r"\w{3,}")
_ARTICLE = re.compile(r"^(?:وال|بال|لل|ال)(?=\w{3})")
_PLURAL = re.compile(r"(?<=\w{3})s$")
_RANKS = {"online": 0, "degraded": 1}
_WEIGHT = 1_000  # of a word that only one agent knows
# What says nothing about who should do it.
_PLAIN = frozenset(
    {"and", "the", "for", "with", "from", "this", "that", "please", "agent", "task", "work", "run", "new", "all", "any"}
    | {"one", "out", "not", "his", "her", "its", "الي", "علي", "هذا", "هذه", "وكيل", "مهمه", "عمل", "يرجي"}
)


@dataclass(frozen=True)
class Standing:
    """An agent as it stands now; a lower `priority` comes first."""

    agent_id: str
    status: str  # online, degraded, maintenance or offline
    priority: int = 5
    running: int = 0
    queued: int = 0
    capabilities: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    words: frozenset[str] = field(default_factory=frozenset)

    @property
    def abilities(self) -> frozenset[str]:
        """Return what may be asked of it: its capabilities, and its tasks by their labels."""
        return frozenset((*self.capabilities, *(name.partition(".")[2] for name in self.tasks)))

    @property
    def load(self) -> int:
        """Return what it works on and what waits for it."""
        return self.running + self.queued


class Considered(Struct):
    """Why an agent was chosen, or was not."""

    agent_id: str
    chosen: bool
    status: str
    load: int
    priority: int
    matched: tuple[str, ...]
    reason: str
    reason_ar: str


@dataclass(frozen=True)
class Choice:
    """The agent that was chosen, if one is fit, and each that was looked at."""

    agent_id: str | None
    considered: tuple[Considered, ...]


@dataclass(frozen=True)
class Wish:
    """What is to be done: its words, and what it asks of an agent."""

    description: str
    capability: str | None = None
    task: str | None = None
    preferred: str | None = None


@dataclass(frozen=True)
class _Candidate:
    standing: Standing
    matched: tuple[str, ...]
    weight: int
    unfit: tuple[str, str] | None
    asked: bool  # for what it offers: then words only decide between equals

    @property
    def order(self) -> tuple[int, int, int, int, str]:
        one = self.standing
        words, state = -self.weight, (_RANKS.get(one.status, 2), one.load, one.priority)
        return (*state, words, one.agent_id) if self.asked else (words, *state, one.agent_id)


def words_of(*texts: str) -> frozenset[str]:
    """Return the words of texts in either language, folded, without articles and plurals."""
    found = set()
    for text in texts:
        for word in _WORD.findall(fold(text.replace("_", " "))):
            bare = _PLURAL.sub("", _ARTICLE.sub("", word))
            if word not in _PLAIN and bare not in _PLAIN:
                found.add(bare)
    return frozenset(found)


def vocabulary(agent: Agent) -> frozenset[str]:
    """Return the words by which work finds an agent: its names, what it can do, its tasks."""
    offered = [task for task in agent.tasks if task.permission]
    return words_of(
        agent.name,
        agent.title,
        agent.title_ar,
        agent.description,
        agent.description_ar,
        *agent.capabilities,
        *(text for task in offered for text in (task.label, task.summary, task.summary_ar)),
    )


def choose(standings: Sequence[Standing], wish: Wish) -> Choice:
    """Choose by words, health, load and priority; a preferred agent that is fit wins.

    Where a capability or a task is asked for, that says what the work is: words come last, between equals.
    """
    candidates = sorted(_candidates(standings, wish), key=lambda one: one.order)
    fit = [one for one in candidates if one.unfit is None]
    first = next((one for one in fit if one.standing.agent_id == wish.preferred), fit[0] if fit else None)
    considered = tuple(_explain(one, first, wish) for one in [*fit, *(one for one in candidates if one.unfit)])
    return Choice(first.standing.agent_id if first else None, considered)


def _candidates(standings: Sequence[Standing], wish: Wish) -> Iterable[_Candidate]:
    words = words_of(wish.description)
    known_by = Counter(word for one in standings for word in one.words & words)
    for one in standings:
        matched = tuple(sorted(one.words & words))
        weight = sum(_WEIGHT // known_by[word] for word in matched)
        yield _Candidate(one, matched, weight, _unfit(one, wish), asked=bool(wish.capability or wish.task))


def _unfit(one: Standing, wish: Wish) -> tuple[str, str] | None:
    if one.status == "maintenance":
        return "it is disabled", "الوكيل معطل"
    if one.status not in _RANKS:
        return "no process that lives serves it", "لا توجد عملية عاملة تخدم هذا الوكيل"
    if wish.task and wish.task not in one.tasks:
        return f"it has no task {wish.task}", f"ليست لديه المهمة {wish.task}"
    if wish.capability and wish.capability not in one.abilities:
        return f"it does not offer {wish.capability}", f"لا يقدم القدرة {wish.capability}"
    return None


def _explain(one: _Candidate, first: _Candidate | None, wish: Wish) -> Considered:
    standing = one.standing
    reason = one.unfit or (_why(one, wish) if one is first or first is None else _why_not(one, first, wish))
    return Considered(
        agent_id=standing.agent_id,
        chosen=one is first,
        status=standing.status,
        load=standing.load,
        priority=standing.priority,
        matched=one.matched,
        reason=reason[0],
        reason_ar=reason[1],
    )


def _why(one: _Candidate, wish: Wish) -> tuple[str, str]:
    standing = one.standing
    state = f"{standing.status}, load {standing.load}, priority {standing.priority}"
    state_ar = f"الحالة {standing.status}، الحمل {standing.load}، الأولوية {standing.priority}"
    if standing.agent_id == wish.preferred:
        return f"it was preferred and is fit: {state}", f"هو الوكيل المفضل وهو مناسب: {state_ar}"
    if wish.task or wish.capability:
        asked = wish.task or wish.capability
        return f"it offers {asked} and comes first: {state}", f"يقدم {asked} ويأتي أولاً: {state_ar}"
    if one.matched:
        words, words_ar = ", ".join(one.matched), "، ".join(one.matched)
        return f"it knows the words {words}: {state}", f"يعرف الكلمات {words_ar}: {state_ar}"
    return f"no word names an agent, and it comes first: {state}", f"لا تدل أي كلمة على وكيل، وهو الأول: {state_ar}"


def _why_not(one: _Candidate, first: _Candidate, wish: Wish) -> tuple[str, str]:
    mine, other = one.standing, first.standing
    if other.agent_id == wish.preferred:
        return f"{other.agent_id} was preferred", f"الوكيل المفضل هو {other.agent_id}"
    words = (
        one.weight != first.weight,
        (
            f"{other.agent_id} knows more of the words",
            f"يعرف {other.agent_id} كلمات أكثر من الوصف",
        ),
    )
    state = (
        mine.status != other.status,
        (
            f"it is {mine.status}, {other.agent_id} is {other.status}",
            f"حالته {mine.status} أما {other.agent_id} فحالته {other.status}",
        ),
    )
    load = (
        mine.load != other.load,
        (
            f"its load is {mine.load}, that of {other.agent_id} {other.load}",
            f"حمله {mine.load} وحمل {other.agent_id} يساوي {other.load}",
        ),
    )
    priority = (
        mine.priority != other.priority,
        (
            f"its priority is {mine.priority}, that of {other.agent_id} {other.priority}",
            f"أولويته {mine.priority} وأولوية {other.agent_id} هي {other.priority}",
        ),
    )
    for differs, reason in (state, load, priority, words) if one.asked else (words, state, load, priority):
        if differs:
            return reason
    return f"equal to {other.agent_id}, and comes after it by name", f"مساوٍ للوكيل {other.agent_id} ويأتي بعده بالاسم"
