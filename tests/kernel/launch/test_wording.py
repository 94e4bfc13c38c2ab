"""What the commands say: both languages, and a table that shows every process."""

import io
import re

import pytest
from rich.console import Console

from masterlinc.launch.status import State
from masterlinc.launch.wording import HEALTH, WORDS, table, teller

ARABIC = re.compile(r"[\u0600-\u06ff]")


def shown(what) -> str:
    console = Console(file=io.StringIO(), width=160)
    console.print(what)
    return console.file.getvalue()


@pytest.mark.parametrize("word", WORDS)
def test_every_line_is_said_in_both_languages_with_the_same_facts(word):
    english, arabic = WORDS[word]
    assert ARABIC.search(arabic)
    assert not ARABIC.search(english)
    if word != "demo":  # what an agent says of its demo data
        assert set(re.findall(r"{(\w+)}", english)) == set(re.findall(r"{(\w+)}", arabic))


def test_a_line_has_its_facts():
    console = Console(file=io.StringIO(), width=160)
    teller(console)("killed", name="claimlinc", seconds="30")
    said = console.file.getvalue()
    assert "claimlinc did not stop in 30 s and was killed" in said
    assert ARABIC.search(said)


@pytest.mark.parametrize("health", HEALTH)
def test_the_table_shows_each_process(health):
    state = State("claimlinc", 4242, 8001, "http://x", health, 1.25, ("claimlinc",), 3, draining=True)
    said = shown(table([state, State("database", 1, 0, "", "running")]))
    assert [word for word in ("4242", "8001", "1.2 s", "stopping", "يتوقف", "database") if word not in said] == []
    assert state.well is (health in {"ready", "running"})
