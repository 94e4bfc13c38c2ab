import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from masterlinc.errors import StartupError
from masterlinc.server import check_port, reserve_port

APP = """
import asyncio, os, sys
from contextlib import asynccontextmanager
from litestar import Litestar, get
import masterlinc.server as server
from masterlinc.drain import Drain

@asynccontextmanager
async def lifespan(app):
    yield
    if os.environ.get("HANGS"):
        await asyncio.Event().wait()
    print("lifespan ended", flush=True)

@get("/")
async def root() -> str:
    return "hello"

@get("/pid")
async def pid() -> int:
    return os.getpid()

@get("/slow")
async def slow() -> str:
    print("begun", flush=True)
    await asyncio.sleep(0.5)
    return "slow"

@get("/stuck")
async def stuck() -> str:
    print("begun", flush=True)
    await asyncio.sleep(60)
    return "never"

@get("/ready")
async def ready() -> str:
    return "draining" if app.state.drain.begun else "ready"

def make():
    global app
    app = Litestar([root, pid, slow, stuck, ready], lifespan=[lifespan])
    if unready := float(os.environ.get("UNREADY", "0")):
        app.state.drain = Drain(25, unready)
        app.state.drain.tell(lambda: print("told", flush=True))
        app.on_startup.append(lambda: server.drain_when_told(app.state.drain))
    return app

async def embedded(port):
    await server.serve_embedded(make(), "127.0.0.1", port, ready=lambda: print("ready", flush=True))

if __name__ == "__main__":
    import uvloop
    kind, port, stop = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    server.STOP_SECONDS = stop
    server.CLOSE_SECONDS = 1 if os.environ.get("HANGS") else server.CLOSE_SECONDS
    try:
        if kind == "embedded":
            uvloop.run(embedded(port))
        else:
            server.serve_workers("served:make", "127.0.0.1", port, 2, Drain(25, float(os.environ.get("UNREADY", "0"))))
    except server.StartupError as fault:
        print(fault, file=sys.stderr)
        sys.exit(1)
"""


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def start(tmp_path, port):
    (tmp_path / "served.py").write_text(APP)
    children = []

    def begin(kind, stop=25.0, unready=0.0, **environment):
        child = subprocess.Popen(
            [sys.executable, "served.py", kind, str(port), str(stop)],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": f"{tmp_path}:{Path.cwd()}", "UNREADY": str(unready)} | environment,
        )
        children.append(child)
        return child

    yield begin
    for child in children:
        child.kill()
        child.communicate()


def connect(port, child):
    end = time.monotonic() + 30
    while True:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            client.connect()
        except ConnectionRefusedError:
            assert child.poll() is None, child.communicate()
            assert time.monotonic() < end
        else:
            return client


def get(client, path="/"):
    client.request("GET", path)
    answer = client.getresponse()
    return answer.status, answer.read()


WORKERS = {"embedded": 1, "workers": 2}


def begun(start, port, kind, **options):
    """Start a server and wait until each of its processes has answered."""
    child, seen = start(kind, **options), set()
    while len(seen) < WORKERS[kind]:
        client = connect(port, child)
        seen.add(get(client, "/pid")[1])
        client.close()
    return child


def await_line(child, line):
    while (said := child.stdout.readline()) != line + "\n":
        assert said, child.communicate()


@pytest.mark.parametrize("kind", ["embedded", "workers"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_answers_and_stops_beside_a_client_that_keeps_its_connection(start, port, kind, number):
    child = begun(start, port, kind)
    client = connect(port, child)
    assert get(client) == (200, b"hello")
    began = time.monotonic()
    child.send_signal(number)
    out, err = child.communicate(timeout=30)
    assert time.monotonic() - began < 10
    assert child.returncode == 0
    assert "lifespan ended" in out
    assert err == ""
    client.close()


@pytest.mark.parametrize("kind", ["embedded", "workers"])
def test_a_request_under_way_is_answered_before_the_stop(start, port, kind):
    child = begun(start, port, kind)
    client = connect(port, child)
    assert get(client)[0] == 200
    client.request("GET", "/slow")
    await_line(child, "begun")
    child.send_signal(signal.SIGTERM)
    assert client.getresponse().read() == b"slow"
    child.communicate(timeout=30)
    assert child.returncode == 0
    client.close()


@pytest.mark.parametrize("kind", ["embedded", "workers"])
def test_it_says_that_it_drains_before_it_takes_nothing_more(start, port, kind):
    child = begun(start, port, kind, unready=60.0)
    client = connect(port, child)
    assert get(client, "/ready") == (200, b"ready")
    child.send_signal(signal.SIGTERM)
    for _ in range(WORKERS[kind]):
        await_line(child, "told")
    assert get(client, "/ready") == (200, b"draining")
    another = connect(port, child)  # a new connection is taken too
    assert get(another, "/ready") == (200, b"draining")
    another.close()
    began = time.monotonic()
    child.send_signal(signal.SIGTERM)  # a second one shortens this
    child.communicate(timeout=30)
    client.close()
    assert (child.returncode, time.monotonic() - began < 10) == (0, True)


def test_workers_end_with_the_command_that_is_killed(start, port):
    child, pids = start("workers"), set()
    while len(pids) < WORKERS["workers"]:
        client = connect(port, child)
        pids.add(int(get(client, "/pid")[1]))
        client.close()
    child.kill()
    end = time.monotonic() + 30
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_request_that_does_not_end_is_cut_off(start, port):
    child = begun(start, port, "embedded", stop=0.2)
    client = connect(port, child)
    client.request("GET", "/stuck")
    await_line(child, "begun")
    began = time.monotonic()
    child.send_signal(signal.SIGTERM)
    out, _ = child.communicate(timeout=30)
    assert time.monotonic() - began < 10
    assert "lifespan ended" in out
    client.close()


def test_ready_is_told_once_it_answers(start, port):
    child = start("embedded")
    await_line(child, "ready")
    client = http.client.HTTPConnection("127.0.0.1", port)
    assert get(client) == (200, b"hello")
    client.close()


@pytest.mark.parametrize("kind", ["embedded", "workers"])
def test_port_in_use_is_one_clear_line(start, port, kind):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        child = start(kind)
        out, err = child.communicate(timeout=30)
    assert child.returncode == 1
    assert err == f"port {port} on 127.0.0.1 is in use; stop what uses it or choose another port\n"
    assert out == ""


def test_a_reserved_port_is_taken_before_anything_listens(start, port):
    with reserve_port("127.0.0.1", port):
        with pytest.raises(StartupError, match="is in use"):
            check_port("127.0.0.1", port)
        child = start("embedded")
        _, err = child.communicate(timeout=30)
        assert err == f"port {port} on 127.0.0.1 is in use; stop what uses it or choose another port\n"
    check_port("127.0.0.1", port)


def test_address_that_is_not_ours_is_one_clear_line(port):
    with pytest.raises(StartupError, match="cannot listen on"):
        check_port("192.0.2.1", port)
    with pytest.raises(StartupError, match="cannot listen on"):
        check_port("no-such-host.invalid", port)


def test_a_process_that_cannot_close_is_ended_all_the_same(start, port):
    child = start("embedded", stop=0.5, HANGS="yes")
    connect(port, child).close()
    child.send_signal(signal.SIGTERM)
    said, _ = child.communicate(timeout=60)
    assert child.returncode == 70
    assert "lifespan ended" not in said
