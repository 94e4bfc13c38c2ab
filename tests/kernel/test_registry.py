from importlib.metadata import EntryPoint
from types import SimpleNamespace

import pytest
from msgspec import Struct

from masterlinc.agent import Agent, Step, StepDone, StepInput, Task, Workflow, snake_case
from masterlinc.errors import StartupError
from masterlinc.registry import GROUP, assemble, discover
from masterlinc.settings import Settings, build


def agent(name: str, *requires: str, kernel: str = ">=0.1,<1", **more: object) -> Agent:
    return Agent(name, name.title(), "وكيل", "1.0", kernel, requires=requires, **more)


def point(name: str, found: object, *, built_in: bool = False) -> EntryPoint:
    """An entry point of a distribution, as installed metadata would give it."""

    class Point(EntryPoint):
        def load(self) -> object:
            if isinstance(found, Exception):
                raise found
            return found

    entry = Point(name, f"{name}.agent:agent", GROUP)
    vars(entry)["dist"] = SimpleNamespace(name="masterlinc" if built_in else f"dist-of-{name}")
    return entry


def names(agents: object) -> list[str]:
    return [one.name for one in agents]


class TestDiscover:
    def test_the_shipped_agents_are_found(self):
        found, skipped = discover()
        assert {"authlinc", "claimlinc", "doctorlinc", "nphieslinc", "policylinc", "sbslinc"} <= set(names(found))
        assert skipped == []

    def test_an_agent_from_outside_is_found_beside_the_built_in_ones(self):
        found, skipped = discover(
            [point("toylinc", agent("toylinc")), point("authlinc", agent("authlinc"), built_in=True)]
        )
        assert (names(found), skipped) == (["authlinc", "toylinc"], [])

    @pytest.mark.parametrize(
        ("found", "reason"),
        [
            (agent("toylinc", kernel=">=9"), "works with kernel >=9"),
            (agent("toylinc", kernel="<0.1"), "works with kernel <0.1"),
            (agent("toylinc", kernel="many"), "'many' cannot be read"),
            (agent("otherlinc"), "its name is otherlinc"),
            (object(), "no Agent"),
            (ImportError("no module named toylib"), "cannot be imported: no module named toylib"),
            (ZeroDivisionError("by zero"), "cannot be imported: by zero"),
        ],
    )
    def test_an_unfit_agent_is_skipped_from_outside_and_stops_the_start_when_built_in(self, found, reason):
        agents, skipped = discover([point("toylinc", found)])
        assert agents == []
        assert [(one.name, reason in one.reason) for one in skipped] == [("toylinc", True)]
        with pytest.raises(StartupError) as stopped:
            discover([point("toylinc", found, built_in=True)])
        assert "toylinc" in str(stopped.value)
        assert reason in str(stopped.value)

    @pytest.mark.parametrize(
        "name",
        [
            "masterlinc",
            "public",
            "pg_toy",
            "information_schema",
            "Toy",
            "toy linc",
            "toy;drop",
            "",
            "agents",
            "http",
            "1toy",
        ],
    )
    def test_a_name_that_cannot_be_a_schema_and_a_section_is_unfit(self, name):
        agents, skipped = discover([point(name, agent(name))])
        assert agents == []
        assert "name" in skipped[0].reason

    def test_an_agent_from_outside_cannot_take_the_place_of_a_built_in_one(self):
        true, false = agent("authlinc"), agent("authlinc", "toylinc")
        for points in (
            [point("authlinc", false), point("authlinc", true, built_in=True)],
            [point("authlinc", true, built_in=True), point("authlinc", false)],
        ):
            found, skipped = discover(points)
            assert found == [true]
            assert "another distribution" in skipped[0].reason


class TestRequirements:
    def test_agents_start_behind_those_that_they_require(self):
        registry = assemble(Settings(), [agent("a", "c"), agent("b"), agent("c", "b")])
        assert names(registry.agents) == ["masterlinc", "b", "c", "a"]

    def test_agents_start_behind_those_that_they_may_do_without(self):
        registry = assemble(Settings(), [agent("a", optional=("b",)), agent("b")])
        assert names(registry.agents) == ["masterlinc", "b", "a"]

    def test_an_agent_lives_without_what_is_optional(self):
        registry = assemble(build({"agents": {"b": {"enabled": False}}}), [agent("a", optional=("b",)), agent("b")])
        assert names(registry.agents) == ["masterlinc", "a"]

    def test_a_disabled_requirement_stops_with_one_line_that_names_both_and_the_file(self):
        settings = build({"agents": {"policylinc": {"enabled": False}}})
        with pytest.raises(StartupError) as stopped:
            assemble(settings, [agent("claimlinc", "policylinc"), agent("policylinc")])
        message = str(stopped.value)
        assert "\n" not in message
        for word in ("claimlinc", "policylinc", "config/", "enabled = true", "enabled = false"):
            assert word in message

    def test_a_requirement_that_is_not_installed_stops_too(self):
        with pytest.raises(StartupError, match=r"claimlinc.*policylinc"):
            assemble(Settings(), [agent("claimlinc", "policylinc")])

    def test_a_disabled_agent_needs_nothing(self):
        settings = build({"agents": {"claimlinc": {"enabled": False}, "policylinc": {"enabled": "false"}}})
        registry = assemble(settings, [agent("claimlinc", "policylinc"), agent("policylinc")])
        assert names(registry.agents) == ["masterlinc"]
        assert [agent.name for agent in registry.disabled] == ["claimlinc", "policylinc"]

    @pytest.mark.parametrize("members", [("a",), ("a", "b"), ("a", "b", "c")])
    def test_a_circle_is_named(self, members):
        circle = [agent(name, members[index - 1]) for index, name in enumerate(members)]
        with pytest.raises(StartupError) as stopped:
            assemble(Settings(), [*circle, agent("outside"), agent("behind", "a")])
        assert "circle" in str(stopped.value)
        assert all(name in str(stopped.value) for name in members)


class Greeting(Struct, forbid_unknown_fields=True, kw_only=True):
    greeting: str
    times: int = 1


class TestConfiguration:
    def test_an_unknown_agent_is_named_with_those_that_there_are(self):
        with pytest.raises(StartupError, match=r"agents\.claimlnc.*claimlinc"):
            assemble(build({"agents": {"claimlnc": {}}}), [agent("claimlinc")])

    def test_a_process_cannot_serve_an_unknown_agent(self):
        with pytest.raises(StartupError, match="claimlnc"):
            assemble(build({"process": {"agents": ["claimlnc"]}}), [agent("claimlinc")])

    def test_a_skipped_agent_may_stay_in_the_configuration(self):
        _, skipped = discover([point("toylinc", agent("toylinc", kernel=">=9"))])
        registry = assemble(build({"agents": {"toylinc": {"greeting": "x"}}}), [], skipped)
        assert names(registry.skipped) == ["toylinc"]

    def test_an_agent_s_section_becomes_its_struct(self):
        settings = build({"agents": {"toylinc": {"enabled": True, "greeting": "hello", "times": "3"}}})
        configs = assemble(settings, [agent("toylinc", config=Greeting)]).configs
        assert configs["toylinc"] == Greeting(greeting="hello", times=3)

    @pytest.mark.parametrize(
        ("section", "word"),
        [({}, "greeting"), ({"greeting": "x", "timess": 1}, "timess"), ({"greeting": "x", "times": "many"}, "times")],
    )
    def test_a_setting_that_is_missing_unknown_or_wrong_is_named(self, section, word):
        with pytest.raises(StartupError, match=rf"agents\.toylinc.*{word}"):
            assemble(build({"agents": {"toylinc": section}}), [agent("toylinc", config=Greeting)])

    def test_an_agent_without_settings_takes_none(self):
        with pytest.raises(StartupError, match=r"agents\.toylinc.*greeting"):
            assemble(build({"agents": {"toylinc": {"greeting": "x"}}}), [agent("toylinc")])


class Greet(Struct):
    name: str


async def run(ctx: object, request: object) -> StepDone:
    return StepDone()


class TestTasks:
    def test_a_task_is_named_after_its_agent_and_request(self):
        registry = assemble(Settings(), [agent("toylinc", tasks=(Task(Greet, StepDone, run, "Greet", "تحية"),))])
        assert [name for name in registry.tasks if name.startswith("toylinc.")] == ["toylinc.greet"]
        assert registry.by_request[Greet] == "toylinc.greet"

    def test_a_former_version_of_a_task_is_kept_for_those_who_began_with_it(self):
        old = Task(Greet, StepDone, run, "Greet", "تحية")
        new = Task(Greet, StepDone, run, "Greet", "تحية", version=2)
        registry = assemble(Settings(), [agent("toylinc", tasks=(old, new))])
        assert registry.task("toylinc.greet") is registry.task("toylinc.greet", 2) is new
        assert registry.task("toylinc.greet", 1) is old
        assert registry.task("toylinc.greet", 3) is None

    def test_a_workflow_of_a_task_that_is_not_there_stops_the_start(self):
        work = Workflow("work", 1, (Step("greet", "otherlinc.greet"),))
        with pytest.raises(StartupError, match=r"work.*otherlinc\.greet.*config/"):
            assemble(Settings(), [agent("toylinc", workflows=(work,))])

    def test_a_workflow_of_tasks_that_are_there_is_taken(self):
        task = Task(StepInput, StepDone, run, "Greet", "تحية", name="greet")
        work = Workflow("work", 1, (Step("greet", "toylinc.greet"),))
        registry = assemble(Settings(), [agent("toylinc", tasks=(task,), workflows=(work,))])
        assert names(registry.agents) == ["masterlinc", "toylinc"]
        assert "toylinc.work" in registry.plans

    def test_two_tasks_of_one_name_stop_the_start(self):
        twice = (Task(Greet, StepDone, run, "Greet", "تحية"),) * 2
        with pytest.raises(StartupError, match=r"toylinc\.greet"):
            assemble(Settings(), [agent("toylinc", tasks=twice)])

    def test_a_request_that_two_agents_take_stops_the_start(self):
        task = Task(Greet, StepDone, run, "Greet", "تحية")
        with pytest.raises(StartupError, match="Greet"):
            assemble(Settings(), [agent("toylinc", tasks=(task,)), agent("otherlinc", tasks=(task,))])

    @pytest.mark.parametrize(
        ("name", "label"),
        [("Greet", "greet"), ("FindCover", "find_cover"), ("SubmitNphiesClaim2", "submit_nphies_claim2")],
    )
    def test_the_name_of_a_request(self, name, label):
        assert snake_case(name) == label
