import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masterlinc.text import ascii_digits, clean, clean_identifier, fold, sort_key

ANY = st.text(max_size=60)
ARABIC = st.text(alphabet=st.characters(min_codepoint=0x600, max_codepoint=0x6FF), max_size=40)
PRESENTATION = st.text(alphabet=st.characters(min_codepoint=0xFB50, max_codepoint=0xFEFC), max_size=20)


@pytest.mark.parametrize(
    ("typed", "folded"),
    [
        ("أحمد", "احمد"),
        ("إبراهيم", "ابراهيم"),
        ("آمنة", "امنه"),
        ("ٱلله", "الله"),
        ("مُحَمَّدٌ", "محمد"),
        ("مـحـمـد", "محمد"),
        ("ﻣﺤﻤﺪ", "محمد"),
        ("ﻻ", "لا"),
        ("علی", "علي"),
        ("على", "علي"),
        ("کریم", "كريم"),
        ("فاطمة", "فاطمه"),
        ("مؤمن", "مومن"),
        ("رائد", "رايد"),
        ("١٢٣۴۵", "12345"),
        ("José  GARCÍA", "jose garcia"),
        ("Al-Qahtani", "al qahtani"),
        ("O’Brien", "obrien"),
        ("STRASSE straße", "strasse strasse"),
        ("İstanbul ıi", "istanbul ii"),
        ("مح\u200bمد\u200f", "محمد"),
        ("\ufe70م\u0640ح", "مح"),
        ("", ""),
    ],
)
def test_fold_unites_spellings(typed, folded):
    assert fold(typed) == folded


@given(st.one_of(ANY, ARABIC, PRESENTATION))
def test_fold_is_stable_and_leaves_no_marks(text):
    folded = fold(text)
    assert fold(folded) == folded
    assert folded == folded.strip()
    assert "  " not in folded
    assert not any(unicodedata.category(letter) in {"Cc", "Cf"} for letter in folded)


@given(ARABIC)
def test_fold_does_not_see_tatweel_or_tashkeel(text):
    assert fold("\u0640".join(text)) == fold(text)
    assert fold("".join(letter + "\u064e" for letter in text if not letter.isspace())) == fold("".join(text.split()))


@given(ANY)
def test_fold_is_the_same_for_composed_and_decomposed_text(text):
    assert fold(unicodedata.normalize("NFC", text)) == fold(unicodedata.normalize("NFD", text))


def test_sort_key_follows_the_arabic_alphabet_and_skips_the_article():
    names = ["يوسف", "القحطاني", "أحمد", "پرویز", "بدر", "تركي", "إلهام", "الله", "عبد الله", "العتيبي"]
    assert sorted(names, key=sort_key) == [
        "أحمد",
        "الله",
        "إلهام",
        "بدر",
        "پرویز",
        "تركي",
        "عبد الله",
        "العتيبي",
        "القحطاني",
        "يوسف",
    ]


@given(ANY, ANY)
def test_sort_key_orders_alike_as_text_and_as_utf8(left, right):
    assert (sort_key(left) < sort_key(right)) == (sort_key(left).encode() < sort_key(right).encode())


@pytest.mark.parametrize(
    "text",
    [
        "a\0b",
        "a\x1f",
        "\x85a",
        "a\nb",
        "a\u202eb",
        "\u2066a",
        "a\u2069",
        "a\u200bb",
        "a\u200eb",
        "\ufeffa",
        "a\U000e0041",
        "a\u061cb",
        "a\u2028b",
        "\ud800",
    ],
)
def test_clean_refuses_what_hides_or_reorders(text):
    with pytest.raises(ValueError, match="not allowed"):
        clean(text)


def test_clean_keeps_what_was_typed():
    assert clean("  مُحَمَّد بن عبد الله ") == "مُحَمَّد بن عبد الله"
    assert clean("نمی\u200cدانم") == "نمی\u200cدانم"
    assert clean("one\r\n\ttwo", lines=True) == "one\r\n\ttwo"
    assert clean("👩‍⚕️") == "👩‍⚕️"


def test_clean_counts_code_points():
    assert clean("😀" * 10, most=10) == "😀" * 10
    for text in ["😀" * 11, "a" + "\u0301" * 300, "x" * 10_000]:
        with pytest.raises(ValueError, match="longer than 10"):
            clean(text, most=10)
    with pytest.raises(ValueError, match="empty"):
        clean("   ", least=1)
    with pytest.raises(ValueError, match="shorter than 3"):
        clean("ab", least=3)


@given(ANY)
def test_clean_returns_storable_text_or_refuses(text):
    try:
        cleaned = clean(text)
    except ValueError:
        return
    assert clean(cleaned) == cleaned
    assert "\0" not in cleaned
    cleaned.encode()


def test_clean_identifier_takes_arabic_digits_and_nothing_invisible():
    assert clean_identifier(" ١٠٢٣ ") == "1023"
    for text in ["10\u200c23", "10\u00ad23", "1\n2", "", " ", "9" * 65]:
        with pytest.raises(ValueError, match=r".+"):
            clean_identifier(text)


def test_ascii_digits_leaves_other_letters():
    assert ascii_digits("MRN-٧") == "MRN-7"
    assert ascii_digits("½²") == "½²"
