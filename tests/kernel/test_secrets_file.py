import base64
import stat

import pytest

from masterlinc import secrets_file
from masterlinc.errors import StartupError


def test_no_file_is_no_secrets(tmp_path):
    assert secrets_file.load(tmp_path) == {}


def test_saved_secrets_are_the_owners_alone(tmp_path):
    secrets_file.save(tmp_path, {"a": "1"})
    assert secrets_file.load(tmp_path) == {"a": "1"}
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secrets.json"]


def test_ensure_makes_what_is_missing_and_keeps_the_rest(tmp_path):
    secrets_file.save(tmp_path, {"kept": "1"})
    values = secrets_file.ensure(tmp_path, {"kept": lambda: "2", "new": lambda: "3"})
    assert values == secrets_file.load(tmp_path) == {"kept": "1", "new": "3"}


def test_keys_and_passwords_are_random_and_long():
    assert len(base64.b64decode(secrets_file.random_key())) == 32
    assert len({secrets_file.random_password() for _ in range(50)}) == 50
    assert secrets_file.random_password().isalnum()


def test_a_file_that_others_can_read_is_refused(tmp_path):
    secrets_file.save(tmp_path, {"a": "1"})
    (tmp_path / "secrets.json").chmod(0o640)
    with pytest.raises(StartupError, match="chmod 600"):
        secrets_file.load(tmp_path)


def test_a_link_is_refused(tmp_path):
    (tmp_path / "elsewhere").write_text("{}")
    (tmp_path / "secrets.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StartupError, match="cannot be read"):
        secrets_file.load(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', "\xff"])
def test_a_damaged_file_is_refused(tmp_path, text):
    (tmp_path / "secrets.json").write_bytes(text.encode("latin-1"))
    (tmp_path / "secrets.json").chmod(0o600)
    with pytest.raises(StartupError, match="damaged"):
        secrets_file.load(tmp_path)


def test_a_folder_that_is_gone_is_one_clear_line(tmp_path):
    with pytest.raises(StartupError, match="cannot be written"):
        secrets_file.save(tmp_path / "gone", {"a": "1"})
