"""A log file that is cut when it is long, and whose writers go on."""

import os
import subprocess
import sys
from pathlib import Path

from masterlinc.observe.logfile import cut

WRITES = """
import subprocess, sys
from pathlib import Path
from masterlinc.observe.logfile import write_to
write_to(Path(sys.argv[1]), 100)
print("out", flush=True)
print("error", file=sys.stderr, flush=True)
subprocess.run([sys.executable, "-c", "print('child')"], check=True)
raise RuntimeError("the end")
"""


def opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)


def test_everything_that_a_process_and_its_children_write_goes_to_the_file(tmp_path):
    path = tmp_path / "logs" / "one.log"
    done = subprocess.run([sys.executable, "-c", WRITES, path], capture_output=True, check=False)
    assert (done.stdout, done.stderr) == (b"", b"")
    words = path.read_text()
    assert words.startswith("out\nerror\nchild\nTraceback")
    assert "the end" in words
    assert path.stat().st_mode & 0o077 == 0


def test_what_was_long_at_the_start_is_put_aside(tmp_path):
    path = tmp_path / "one.log"
    path.write_bytes(b"x" * 101)
    subprocess.run([sys.executable, "-c", WRITES, path], capture_output=True, check=False)
    assert path.with_name("one.log.1").read_bytes() == b"x" * 101
    assert path.read_text().startswith("out\n")


def test_writers_go_on_in_the_file_that_was_cut(tmp_path):
    path = tmp_path / "one.log"
    one, other = opened(path), opened(path)
    os.write(one, b"a" * 60)
    assert not cut(path, one, 100)
    os.write(other, b"b" * 60)
    assert cut(path, one, 100)
    assert not cut(path, other, 100)
    os.write(other, b"c")
    assert path.read_bytes() == b"c"
    assert path.with_name("one.log.1").read_bytes() == b"a" * 60 + b"b" * 60
    os.close(one)
    os.close(other)
