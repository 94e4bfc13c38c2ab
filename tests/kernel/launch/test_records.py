"""What is remembered of started processes, and the guard against a number that is another process's by now."""

import os
import signal
import subprocess
import sys

import msgspec
import pytest

from masterlinc.errors import StartupError
from masterlinc.launch import records
from masterlinc.launch.layout import Layout
from masterlinc.launch.records import Record
from masterlinc.launch.stopping import stop

SLEEPS = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)",
]


@pytest.fixture
def data(tmp_path):
    with records.held(tmp_path):
        pass
    return tmp_path


@pytest.fixture
def child():
    children = []

    def begin(command=SLEEPS):
        one = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert one.stdout.readline() == b"up\n"
        children.append(one)
        return one

    yield begin
    for one in children:
        one.kill()
        one.communicate()


def record_of(process, name="one", port=1) -> Record:
    return Record(name, process.pid, records.born(process.pid), "http://x", port)


class Told:
    def __init__(self):
        self.words = []

    def __call__(self, word, **facts):
        self.words.append((word, facts["name"]))


def test_what_is_saved_is_read_and_forgotten(data):
    one = Record("one", 1, "x", "http://127.0.0.1:1", 1)
    records.save(data, one)
    records.save_layout(data, Layout(replicas=2))
    assert records.read(data) == {"one": one}
    assert records.read_layout(data) == Layout(replicas=2)
    records.forget(data, "one")
    assert records.read(data) == {}


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"replicas": "two"}'])
def test_a_file_that_cannot_be_read_is_none(data, text):
    (data / "run" / "one.json").write_bytes(text)
    (data / "run" / "layout.json").write_bytes(text)
    assert records.read(data) == {}
    assert records.read_layout(data) is None


def test_a_process_lives_until_it_ends_even_before_anybody_has_waited_for_it(child):
    one = child()
    record = record_of(one)
    assert records.alive(record)
    one.kill()
    assert records.ended(record, 10)
    assert one.returncode is None  # it is a zombie: nobody has waited for it
    one.wait()
    assert not records.alive(record)


def test_another_process_with_the_number_is_not_the_one_and_gets_no_signal(data, child):
    one = child()
    other = msgspec.structs.replace(record_of(one), born="another boot 1")
    records.save(data, other)
    assert not records.alive(other)
    records.order(other, signal.SIGKILL)
    assert one.poll() is None
    told = Told()
    assert stop(data, told, 10)
    assert told.words == [("gone", "one")]
    assert one.poll() is None
    assert records.read(data) == {}


def test_no_process_is_born_with_a_number_that_is_not_given():
    assert records.born(2**22 + 1) == ""
    assert records.born(os.getpid()) != ""


def test_processes_stop_in_reverse_order_and_the_database_last(data, child):
    for name, port in (("database", 0), ("a", 1), ("b", 2), ("c", 3)):
        records.save(data, record_of(child(), name, port))
    told = Told()
    assert stop(data, told, 10)
    assert told.words == [("stopped", name) for name in ("c", "b", "a", "database")]
    assert records.read(data) == {}


def test_what_does_not_stop_is_killed_and_told(data, child):
    one = child(STUBBORN)
    records.save(data, record_of(one))
    told = Told()
    assert not stop(data, told, 0.1)
    assert told.words == [("killed", "one")]
    assert one.wait(10) == -signal.SIGKILL


def test_two_commands_do_not_start_and_stop_at_once(data):
    with records.held(data), pytest.raises(StartupError, match="another command"), records.held(data):
        raise AssertionError("it was held twice")


def test_the_end_of_a_log_is_shown(data):
    assert records.last_words(data, "one") == ""
    records.log_of(data, "one").write_bytes(b"\xff\n" + b"".join(b"%d\n" % number for number in range(100)))
    assert records.last_words(data, "one", 2) == "98\n99"
