"""The scans of `make check` find what they are for, and nothing is waved through without a reason."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
CODE = [
    path for folder in ("masterlinc", "plugins", "migrations", "benchmarks") for path in (ROOT / folder).rglob("*.py")
]
WAIVER = re.compile(r"#\s*(?:nosec|noqa:[^#-]*\bS\d{3}).*")
GUESSES = {"Secret Keyword", "Hex High Entropy String", "Base64 High Entropy String"}
CALL = "import subprocess\nsubprocess.run(input(), shell=True)\n"
# Put together here, so that this file holds no secret.
SECRETS = {
    "AWS Access Key": f"key = '{'AKIA' + 'IOSFODNN7' + 'EXAMPLE'}'",
    "Private Key": "-----BEGIN " + "PRIVATE KEY-----",
    "Secret Keyword": "smtp_" + "password = 'hunter2hunter2'",
    "JSON Web Token": "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiJtYWxsb3J5In0." + "c2lnbmF0dXJlc2lnbmF0dXJl",
}


def scan(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False)


def secrets_of(*files: Path) -> subprocess.CompletedProcess[str]:
    return scan(sys.executable, ".ci/secret_scan.py", *map(str, files))


def test_the_check_runs_both_scans():
    [check] = re.findall(r"^check:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert (
        "bandit --quiet --configfile pyproject.toml --recursive masterlinc plugins migrations benchmarks .ci" in check
    )
    assert "python .ci/secret_scan.py\n" in check
    assert "step check" in (ROOT / ".ci/run").read_text(encoding="utf-8")


def test_a_call_that_runs_what_it_is_given_is_found(tmp_path):
    (tmp_path / "bad.py").write_text(CALL, encoding="utf-8")
    found = scan(str(BIN / "bandit"), "--quiet", "--configfile", "pyproject.toml", "--recursive", str(tmp_path))
    assert found.returncode == 1
    assert "B602" in found.stdout


@pytest.mark.parametrize("kind", SECRETS)
def test_a_planted_secret_is_found_and_not_repeated(tmp_path, kind):
    file = tmp_path / "settings.py"
    file.write_text(SECRETS[kind] + "\n", encoding="utf-8")
    found = secrets_of(file)
    assert found.returncode == 1
    assert f"{file}:1: {kind}" in found.stderr
    assert SECRETS[kind][-8:] not in found.stdout + found.stderr


def test_a_file_without_secrets_passes(tmp_path):
    file = tmp_path / "plain.py"
    file.write_text("print('nothing to see')\n", encoding="utf-8")
    assert secrets_of(file).returncode == 0


def test_what_is_accepted_has_its_reason():
    accepted = tomllib.loads((ROOT / ".ci/secret_scan.toml").read_text(encoding="utf-8"))["accepted"]
    assert accepted
    for one in accepted:
        assert len(one["reason"].split()) >= 4, one
        assert "hash" in one or one["kind"] in GUESSES, one  # what has a form of its own is accepted one by one


def test_every_waived_line_says_why():
    bare = []
    for path in CODE:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            waiver = WAIVER.search(line)
            if waiver and not re.search(r"(?: - |# )[a-z][a-z ,]+", waiver[0].partition("nosec")[2] or waiver[0]):
                bare.append(f"{path.relative_to(ROOT)}:{number}")
    assert bare == []


def test_every_skipped_check_says_why():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    section = text.partition("[tool.bandit]")[2].partition("\n[")[0]
    skips = tomllib.loads(text)["tool"]["bandit"]["skips"]
    assert [re.search(rf'"{skip}",\s+# \w+', section) is not None for skip in skips] == [True] * len(skips)
