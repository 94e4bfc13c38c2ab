import pytest

from masterlinc import settings
from masterlinc.errors import StartupError
from masterlinc.settings import Settings, build, load


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A configuration folder of the test's own."""
    monkeypatch.setenv("MASTERLINC_CONFIG", str(tmp_path))
    (tmp_path / "default.toml").write_text("", encoding="utf-8")
    return tmp_path


def read(**environment: str) -> Settings:
    return load(environment={f"MASTERLINC_{name}": value for name, value in environment.items()})


def test_the_shipped_files_are_read():
    assert load(environment={}).http.port == 8000
    for profile in ("demo", "production"):
        assert load(profile, environment={}).http.production is (profile == "production")


def test_the_profile_goes_over_the_default_and_the_environment_over_both(folder):
    (folder / "default.toml").write_text("[http]\nport = 1\nhost = 'a'\nworkers = 1\n", encoding="utf-8")
    (folder / "local.toml").write_text("[http]\nport = 2\nhost = 'b'\n", encoding="utf-8")
    found = read(PROFILE="local", HTTP__PORT="3").http
    assert (found.workers, found.host, found.port) == (1, "b", 3)


def test_later_profiles_go_over_earlier_ones(folder):
    (folder / "one").mkdir()
    (folder / "one" / "a.toml").write_text("[process]\nname = 'a'\nagents = ['x']\n", encoding="utf-8")
    (folder / "b.toml").write_text("[process]\nname = 'b'\n", encoding="utf-8")
    assert (read(PROFILE="one/a, b").process.name, read(PROFILE="b,one/a").process.name) == ("b", "a")
    assert read(PROFILE="one/a,b,").process.agents == ["x"]
    with pytest.raises(StartupError, match=r"c\.toml"):
        read(PROFILE="b,c")


def test_each_agent_has_a_profile_of_its_own_with_a_port_of_its_own():
    names = sorted(path.stem for path in (settings.config_folder() / "per-agent").glob("*.toml"))
    found = {name: load(f"demo,per-agent/{name}", environment={}) for name in names}
    assert names == sorted(["masterlinc", *load(environment={}).agents])
    assert {name: one.process.agents for name, one in found.items()} == {name: [name] for name in names}
    assert {one.agents["nphieslinc"]["hub"] for one in found.values()} == {"simulator"}
    ports = {name: one.http.port for name, one in found.items()}
    first = {"masterlinc": 8000, "claimlinc": 8001, "doctorlinc": 8002, "policylinc": 8003, "authlinc": 8005}
    assert (first | {"auditlinc": 8006}).items() <= ports.items()
    assert len(set(ports.values())) == len(ports)


@pytest.mark.parametrize("text", ["[http]\nportt = 1", "[http.portt]\nx = 1", "portt = 1", "[portt]\nx = 1"])
def test_an_unknown_key_of_a_file_is_named(folder, text):
    (folder / "default.toml").write_text(text, encoding="utf-8")
    with pytest.raises(StartupError, match="portt"):
        load(environment={})


def test_an_unknown_key_of_the_environment_is_named():
    with pytest.raises(StartupError, match="portt"):
        read(HTTP__PORTT="1")


@pytest.mark.parametrize("value", ["eight", "8000.5", "", "0x10", "[8000]"])
def test_a_value_of_the_wrong_type_names_its_key(value):
    with pytest.raises(StartupError, match=r"http\.port"):
        read(HTTP__PORT=value)


@pytest.mark.parametrize("value", ["0", "-1", "65536", "99999999999999999999"])
def test_a_port_that_cannot_be_is_refused(value):
    with pytest.raises(StartupError, match=r"http\.port"):
        read(HTTP__PORT=value)


@pytest.mark.parametrize(("name", "value"), [("patients", "0"), ("patients", "-1"), ("claims", "-1")])
def test_a_size_of_the_demo_that_cannot_be_is_refused(name, value):
    with pytest.raises(StartupError, match=rf"demo\.{name}"):
        read(**{f"DEMO__{name.upper()}": value})


@pytest.mark.parametrize(
    "url", ["localhost:6379", "http://localhost", "redis://localhost:port", "redis://localhost:99999999"]
)
def test_an_address_that_is_no_redis_is_refused(url):
    with pytest.raises(StartupError, match=r"redis\.url"):
        read(REDIS__URL=url)


@pytest.mark.parametrize(
    "url", ["", "redis://localhost", "redis://user:p:w@host:6379/0", "rediss://[::1]:6379/1?x=y", "unix:///tmp/s?db=1"]
)
def test_an_address_of_a_redis_is_taken(url):
    assert read(REDIS__URL=url).redis.url.reveal() == url


def test_a_file_that_is_no_toml_is_named(folder):
    (folder / "default.toml").write_text("[http\n", encoding="utf-8")
    with pytest.raises(StartupError, match=r"default\.toml"):
        load(environment={})


def test_a_file_that_is_no_text_is_named(folder):
    (folder / "default.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(StartupError, match=r"default\.toml"):
        load(environment={})


def test_a_profile_without_a_file_is_named(folder):
    with pytest.raises(StartupError, match=r"nothing\.toml"):
        load("nothing", environment={})


def test_a_cluster_s_service_variables_are_no_settings():
    found = read(PORT="tcp://10.0.0.1:80", PORT_80_TCP="tcp://10.0.0.1:80", SERVICE_HOST="10.0.0.1")
    assert found == read()


def test_other_programs_variables_are_no_settings():
    assert load(environment={"HTTP__PORT": "1", "MASTERLINCX_HTTP__PORT": "2", "PATH": "/bin"}) == read()


@pytest.mark.parametrize(
    ("text", "enabled"), [("true", True), ("True", True), ("1", True), ("false", False), ("0", False)]
)
def test_a_yes_or_no_is_read_from_text(text, enabled):
    assert read(AUTHLINC__ENABLED=text).enabled("authlinc") is enabled
    assert read(HTTP__DOCS=text).http.docs is enabled


def test_an_agent_that_is_neither_enabled_nor_disabled_is_named():
    with pytest.raises(StartupError, match=r"authlinc.*'maybe'"):
        read(AUTHLINC__ENABLED="maybe").enabled("authlinc")


def test_agents_are_enabled_unless_they_are_disabled():
    assert Settings().enabled("anything")


def test_a_section_that_is_no_kernel_section_is_an_agent_s():
    found = read(TOYLINC__GREETING="hello", TOYLINC__DEEP__ER="1")
    assert found.agents["toylinc"] == {"greeting": "hello", "deep": {"er": "1"}}


def test_an_agent_s_section_keeps_its_other_keys(folder):
    (folder / "default.toml").write_text("[agents.toylinc]\nenabled = true\ngreeting = 'hello'\n", encoding="utf-8")
    assert read(TOYLINC__ENABLED="false").agents["toylinc"] == {"enabled": "false", "greeting": "hello"}


@pytest.mark.parametrize("text", ['["claimlinc", "policylinc"]', '[ "claimlinc","policylinc" ]'])
def test_a_list_is_read_as_json(text):
    found = read(PROCESS__AGENTS=text)
    assert found.process.agents == ["claimlinc", "policylinc"]
    assert (found.serves("claimlinc"), found.serves("authlinc")) == (True, False)


@pytest.mark.parametrize("text", ["claimlinc", '["claimlinc"', "[1]", "[claimlinc]"])
def test_what_is_no_list_names_its_key(text):
    with pytest.raises(StartupError, match=r"process\.agents"):
        read(PROCESS__AGENTS=text)


def test_a_process_serves_no_disabled_agent():
    assert not read(PROCESS__AGENTS='["authlinc"]', AUTHLINC__ENABLED="false").serves("authlinc")


@pytest.mark.parametrize("order", [1, -1])
def test_a_key_that_is_a_value_and_a_section_is_named(order):
    names = ["TOYLINC__A", "TOYLINC__A__B"][::order]
    with pytest.raises(StartupError, match="MASTERLINC_TOYLINC__A"):
        read(**dict.fromkeys(names, "1"))


@pytest.mark.parametrize("name", ["HTTP__", "__PORT", "HTTP____PORT", "__"])
def test_a_name_with_an_empty_part_is_named(name):
    with pytest.raises(StartupError, match=f"MASTERLINC_{name}"):
        read(**{name: "1"})


def test_settings_of_two_loads_share_nothing():
    one, other = read(), read()
    one.agents.setdefault("authlinc", {})["enabled"] = False
    one.process.agents.append("x")
    assert other.enabled("authlinc")
    assert other.process.agents == []


def test_defaults_are_the_default_settings():
    assert build({}) == Settings()


def test_the_shipped_configuration_has_the_files():
    assert {path.name for path in settings.config_folder().glob("*.toml")} >= {
        "default.toml",
        "demo.toml",
        "production.toml",
        "rbac.toml",
    }
