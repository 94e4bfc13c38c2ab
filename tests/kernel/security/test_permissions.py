from pathlib import Path

import pytest

from masterlinc.app import declared_permissions
from masterlinc.errors import Forbidden, StartupError
from masterlinc.ids import new_id
from masterlinc.registry import discover
from masterlinc.security import Principal, service_principal
from masterlinc.security.permissions import load
from masterlinc.security.principal import NOBODY
from masterlinc.settings import config_folder

HELD = {
    "doctor",
    "nurse",
    "admin",
    "researcher",
    "billing",
    "adjudicator",
    "senior_adjudicator",
    "payer_admin",
    "auditor",
    "service",
    "operator",
}
ROLES = HELD | {"emergency"}


def test_the_shipped_roles() -> None:
    rbac = load(config_folder() / "rbac.toml")
    assert set(rbac.roles) == ROLES
    assert all(role.title and role.title_ar for role in rbac.roles.values())
    assert all("session:own" in role.grants for role in rbac.roles.values())
    assert {name for name, role in rbac.roles.items() if role.assignable} == HELD
    assert all(len(set(role.grants)) == len(role.grants) for role in rbac.roles.values())


@pytest.mark.parametrize(
    ("role", "permission"),
    [
        ("researcher", "patient:read"),
        ("researcher", "claim:read"),
        ("auditor", "claim:read"),
        ("auditor", "patient:read"),
        ("nurse", "claim:submit"),
        ("adjudicator", "claim:submit"),
        ("adjudicator", "patient:read"),
        ("doctor", "nphies:submit"),
        ("nurse", "patient:create"),
        ("billing", "patient:create"),
    ],
)
def test_52_what_a_role_must_not_do(role: str, permission: str) -> None:
    rbac = load(config_folder() / "rbac.toml")
    assert permission not in rbac.permissions_of([role])
    assert permission in rbac.permissions_of(["admin"])


def test_no_role_gives_what_leads_beyond_its_own_kind() -> None:
    """Following who may give which role never leads from a provider or payer to the operator, nor across."""
    rbac = load(config_folder() / "rbac.toml")

    def reached(role: str) -> set[str]:
        found, new = set(), {role}
        while new:
            found |= new
            new = rbac.givable(new) - found
        return found

    assert reached("admin") & {"operator", "payer_admin", "adjudicator", "researcher"} == set()
    assert reached("payer_admin") & {"operator", "admin", "doctor", "nurse", "billing", "researcher"} == set()
    assert reached("operator") == {"operator", "auditor", "researcher"}
    assert rbac.givable(HELD - {"admin", "payer_admin", "operator"}) == frozenset()
    assert rbac.givable(["root", ""]) == frozenset()


def test_no_records_for_who_runs_the_system_and_no_changes_in_an_emergency() -> None:
    rbac = load(config_folder() / "rbac.toml")
    assert not {"patient:read", "claim:read", "policy:read", "nphies:read", "access:break_glass"} & rbac.permissions_of(
        ["operator"]
    )
    assert {grant.partition(":")[2] for grant in rbac.permissions_of(["emergency"])} == {"read", "own"}


def test_no_role_grants_what_nobody_declares() -> None:
    agents, _ = discover()
    load(config_folder() / "rbac.toml").check(permission.name for permission in declared_permissions(agents))


def test_roles_add_up_and_unknown_ones_grant_nothing() -> None:
    rbac = load(config_folder() / "rbac.toml")
    both = rbac.permissions_of(["nurse", "auditor"])
    assert both == rbac.permissions_of(["nurse"]) | rbac.permissions_of(["auditor"])
    assert rbac.permissions_of(["root", "", "__class__"]) == frozenset()


def test_a_grant_that_nobody_declares_stops_the_start() -> None:
    rbac = load(config_folder() / "rbac.toml")
    declared = rbac.permissions_of(ROLES)
    rbac.check(declared)
    with pytest.raises(StartupError, match="claim:read"):
        rbac.check(declared - {"claim:read"})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "roles = 3",
        "[roles.x]",
        "[roles.x]\ntitle='a'\ntitle_ar='b'\ngrants=['*']",
        "[roles.x]\ntitle='a'\ntitle_ar='b'\ngrants=['claim:Read']",
        "[roles.x]\ntitle='a'\ntitle_ar='b'\ngrants=['claim:read']\nsuper=true",
        "[roles.x]\ntitle='a'\ntitle_ar='b'\ngrants=[]\nmay_give=['y']",
        "[roles.x]\ntitle='a'\ntitle_ar='b'\ngrants=[]\nassignable=false\nmay_give=['x']",
        "[roles",
        "\x00",
    ],
)
def test_a_broken_file_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "rbac.toml").write_text(text, encoding="utf-8")
    with pytest.raises(StartupError, match=r"rbac\.toml"):
        load(tmp_path / "rbac.toml")
    with pytest.raises(StartupError, match="there is no file"):
        load(tmp_path / "absent.toml")


def test_a_user_needs_the_permission() -> None:
    home = new_id()
    user = Principal(
        user_id=new_id(),
        organization_id=home,
        organizations=frozenset({home}),
        roles=frozenset({"nurse"}),
        permissions=frozenset({"patient:read"}),
        session_id=new_id(),
        kind="user",
        expires_at=service_principal("x", frozenset()).expires_at,
    )
    user.require("patient:read")
    with pytest.raises(Forbidden):
        user.require("claim:submit")
    with pytest.raises(Forbidden):
        user.require("")


def test_a_service_is_bound_by_its_organizations() -> None:
    one, two = new_id(), new_id()
    service = service_principal("relay", frozenset({one}))
    service.require("anything:at_all")
    assert (service.organization_id, service.organizations, service.kind) == (one, {one}, "service")
    assert service_principal("relay", frozenset({one, two})).organization_id == NOBODY
    assert service_principal("relay", frozenset()).organization_id == NOBODY
    assert (
        service.user_id
        == service_principal("relay", frozenset()).user_id
        != service_principal("other", frozenset()).user_id
    )
