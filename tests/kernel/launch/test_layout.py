"""Which processes a layout has, with their ports, and how many connections they may open."""

import pytest

from masterlinc.errors import StartupError
from masterlinc.launch.layout import Layout, connections, members
from masterlinc.registry import discover
from masterlinc.settings import Settings, load

INSTALLED = [agent.name for agent in discover()[0] if agent.name != "masterlinc"]


def settings(**environment: str) -> Settings:
    return load("demo", {f"MASTERLINC_{name}": value for name, value in environment.items()})


def ports(layout: Layout, **environment: str) -> dict[str, int]:
    return {one.name: one.port for one in members(layout, settings(**environment), INSTALLED)}


def test_one_of_everything_and_its_replicas():
    assert ports(Layout()) == {"masterlinc": 8000}
    assert ports(Layout(replicas=2, port=9000)) == {"masterlinc": 9000, "masterlinc-2": 9010}


def test_each_agent_has_its_process_on_the_port_of_the_first_system():
    first = {"masterlinc": 8000, "claimlinc": 8001, "doctorlinc": 8002, "policylinc": 8003, "authlinc": 8005}
    ours = {"nphieslinc": 8004, "auditlinc": 8006, "sbslinc": 8007}
    assert ports(Layout(topology="per-agent")) == first | ours
    assert ports(Layout(topology="per-agent", port=18000))["claimlinc"] == 18001


def test_replicas_of_each_agent():
    found = ports(Layout(topology="per-agent", replicas=2))
    assert len(found) == 16
    assert found["claimlinc-2"] == 8011


def test_a_disabled_agent_has_no_process():
    assert "doctorlinc" not in ports(Layout(topology="per-agent"), DOCTORLINC__ENABLED="false")


def test_an_agent_without_a_profile_is_served_by_the_kernel_s_process():
    found = members(Layout(topology="per-agent"), settings(), [*INSTALLED, "toylinc"])
    assert found[0].agents == ("masterlinc", "toylinc")
    assert [one.agents for one in found[1:]] == [()] * (len(found) - 1)


@pytest.mark.parametrize("layout", [Layout(port=65_535, replicas=2), Layout(topology="per-agent", port=65_530)])
def test_ports_that_cannot_be_are_refused(layout):
    with pytest.raises(StartupError, match="ports"):
        members(layout, settings(), INSTALLED)


def test_replicas_of_many_agents_do_not_share_a_port():
    found = ports(Layout(topology="per-agent", replicas=5))
    assert len(set(found.values())) == len(found)


def test_the_database_takes_the_connections_of_all():
    one = members(Layout(), settings(), INSTALLED)
    many = members(Layout(topology="per-agent", replicas=2), settings(), INSTALLED)
    assert connections(one, settings()) == 60
    assert connections(many, settings()) > len(many) * (settings().database.pool_size + 2)
