"""What a password may be."""

from pathlib import Path

import pytest
from accounts import ALONE, PASSWORD, account
from hypothesis import given
from hypothesis import strategies as st

from authlinc.service import blocklist
from authlinc.service.common_words import WORDS
from authlinc.service.password_rules import faults, is_about, is_common
from masterlinc.errors import Invalid, StartupError
from masterlinc.testing import RunApp

GUESSED = [
    "password1234567",
    "Password2024!!!!",
    "P@ssw0rd2024!!!!",
    "qwertyuiop12345",
    "123456789012345",
    "987654321098765",
    "aaaaaaaaaaaaaaaa",
    "abababababababab",
    "iloveyouiloveyou",
    "1q2w3e4r5t6y7u8i",
    "abcdefghijklmnop",
    "welcome123welcome123",
    "letmein!letmein!",
    "1qaz2wsx3edc4rfv",
    "qwertyqwertyqwerty",
    "adminadminadmin1",
    "passwordpassword",
    "SUNSHINE20262026",
    "correct-horse-battery-staple",
    "000000000000000000",
    "qwerty1234567890",
    "$password$password",
    "كلمةالمرور12345",
    "الرياض١٤٤٧١٤٤٧١٤٤٧",
    "حبيبيحبيبيحبيبي",
]

GOOD = [
    "a long pass phrase",
    "dragon monkey sunshine tea",
    "tr0ub4dor&3 zebra!!",
    "الرياض عاصمة بلدي الجميلة",
    "قهوة وتمر في صباح شتوي",
    "🐫🌴🏜🌙⭐🕌🫖☕🥘🧿📿🪔🧭🔐🗝🚪",
    "xkJ7-pQ2m_vLwZ9tR",
]


@pytest.mark.parametrize("password", GUESSED)
def test_36_what_others_guess_first(password: str) -> None:
    assert is_common(password)


@pytest.mark.parametrize("word", sorted(WORDS))
def test_36_no_known_word_with_a_year_or_twice(word: str) -> None:
    for password in (word, word * 3, f"{word}2026", f"{word.title()}1447!", f"!!{word.upper()}123456"):
        assert is_common(password), password


@pytest.mark.parametrize("password", GOOD)
def test_a_sentence_is_a_password(password: str) -> None:
    assert faults(password, shortest=15, context=("masterlinc", "nora@clinic.example", "Nora", "نورة")) == []


@pytest.mark.parametrize(
    ("password", "context"),
    [
        ("masterlinc-2026", ["masterlinc"]),
        ("nora.alharbi@clinic.example", ["nora.alharbi@clinic.example"]),
        ("Noura AlQahtani 99", ["noura alqahtani"]),
        ("مستشفى النخيل ١٢٣", ["مستشفى النخيل"]),
        ("NakheelNakheelNakheel", ["Nakheel Demo Hospital"]),
    ],
)
def test_36_what_is_known_of_the_owner_is_no_secret(password: str, context: list[str]) -> None:
    assert is_about(password, context)
    assert not is_about(password, ["someone", "else entirely"])


def test_there_are_no_rules_of_composition() -> None:
    for password in ("onlysmalllettershere yes", "ONLY CAPITALS ARE FINE TOO", "شتاء دافئ وقهوة مرة وتمر"):
        assert faults(password, shortest=15, context=()) == []


def test_length_is_of_characters_after_normalizing() -> None:
    assert faults("ﷺ", shortest=15, context=()) == []  # one sign that stands for eighteen
    assert [one.code for one in faults("é" * 3 + "abcdefg", shortest=15, context=())] == ["too-short"]
    with pytest.raises(Invalid):
        faults("م" * 513, shortest=15, context=())


@given(st.text(max_size=300))
def test_any_text_has_an_answer(password: str) -> None:
    try:
        found = faults(password, shortest=8, context=("nora@clinic.example", "نورة"))
    except Invalid:
        return
    assert len(found) <= 1
    assert found or len(password) > 0


def test_an_operators_list_is_looked_up_by_whole_passwords(tmp_path: Path) -> None:
    file = tmp_path / "breached.txt"
    file.write_text("Summer in the old town\r\n\nكلمة قديمة مسربة\n" + "x" * 2000 + "\n", encoding="utf-8")
    known = blocklist.load(str(file))
    assert len(known) == 3
    assert "summer in the OLD town" in known
    assert "كلمة قديمة مسربة" in known
    assert "summer in the old" not in known
    assert "" not in known
    assert len(blocklist.load("")) == 0
    with pytest.raises(StartupError, match="blocked_passwords"):
        blocklist.load(str(tmp_path / "absent.txt"))


async def test_36_nobody_gets_a_password_of_the_operators_list(run_app: RunApp, tmp_path: Path) -> None:
    file = tmp_path / "breached.txt"
    file.write_text(f"{PASSWORD}\n", encoding="utf-8")
    running = await run_app(**ALONE | {"authlinc": {"blocked_passwords": str(file)}})
    with pytest.raises(Invalid) as refused:
        await account(running)
    assert [one.code for one in refused.value.errors] == ["too-common"]
    await account(running, password="another phrase than that")


async def test_the_length_can_be_set(run_app: RunApp) -> None:
    running = await run_app(**ALONE | {"authlinc": {"password_length": 12}})
    await account(running, password="twelve signs")
    with pytest.raises(Invalid):
        await account(running, password="eleven sign")
