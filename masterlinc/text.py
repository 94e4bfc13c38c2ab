"""Text as people type it: what is refused, how it is searched, how it is sorted."""

import unicodedata

_TATWEEL = "\u0640"
# Joiners, soft hyphen and the Arabic number signs shape words and reorder nothing.
_INVISIBLE_ALLOWED = frozenset("\u00ad\u200c\u200d\u0600\u0601\u0602\u0603\u0604\u0605\u06dd")
_LINE_BREAKS = frozenset("\n\r\t")
_REFUSED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})

# Isolated tashkeel decompose to a space and a mark, which would cut a word in two.
_LONE_MARKS = dict.fromkeys([*range(0xFC5E, 0xFC64), *range(0xFE70, 0xFE80, 2)])

_LETTERS = str.maketrans(
    {
        "أ": "ا",
        "إ": "ا",
        "آ": "ا",
        "ٱ": "ا",
        "ٲ": "ا",
        "ٳ": "ا",
        "ى": "ي",
        "ی": "ي",
        "ې": "ي",
        "ے": "ي",
        "ئ": "ي",
        "ؤ": "و",
        "ة": "ه",
        "ۃ": "ه",
        "ہ": "ه",
        "ھ": "ه",
        "ە": "ه",
        "ک": "ك",
        "ڪ": "ك",
        "ı": "i",
        "'": None,
        "`": None,
        "’": None,
        "‘": None,
        "ʼ": None,
        "ʿ": None,
        "ʾ": None,
        _TATWEEL: None,
    },
)

# Letters that Arabic borrowed sort after the letter whose shape they extend.
_BORROWED = str.maketrans({"پ": "ب\u06ff", "چ": "ج\u06ff", "ژ": "ز\u06ff", "ڤ": "ف\u06ff", "گ": "ك\u06ff"})


def fold(text: str) -> str:
    """Fold Arabic and Latin text for search: spellings that a reader takes for one name become equal."""
    apart = unicodedata.normalize("NFKD", text.translate(_LONE_MARKS))
    apart = unicodedata.normalize("NFKD", apart.casefold())
    kept = "".join(_visible(letter) for letter in apart)
    return unicodedata.normalize("NFC", " ".join(ascii_digits(kept.translate(_LETTERS)).split()))


def sort_key(text: str) -> str:
    """Return the key that names sort by in code point order (COLLATE "C"): Arabic alphabet, without the article."""
    words = [_without_article(word) for word in unicodedata.normalize("NFKC", text).replace(_TATWEEL, "").split()]
    return fold(" ".join(words)).translate(_BORROWED)


def clean(text: str, *, least: int = 0, most: int = 4000, lines: bool = False) -> str:
    """Return the text without outer spaces; raises ValueError for controls, direction marks or a wrong length.

    Lengths count code points; the UTF-8 form may take four bytes for each. `lines` allows line breaks and tabs.
    """
    allowed = _INVISIBLE_ALLOWED | _LINE_BREAKS if lines else _INVISIBLE_ALLOWED
    return _checked(text, allowed, least, most)


def clean_identifier(text: str, *, least: int = 1, most: int = 64) -> str:
    """Return an identifier with ASCII digits and no outer spaces; raises ValueError for anything invisible."""
    return ascii_digits(_checked(text, frozenset(), least, most))


def has_arabic(text: str) -> bool:
    """Say whether a text has Arabic letters."""
    return any("\u0620" <= letter <= "\u064a" for letter in text)


def ascii_digits(text: str) -> str:
    """Write decimal digits of any script as 0-9."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(letter)) if letter.isdecimal() else letter for letter in text)


def _visible(letter: str) -> str:
    if letter.isascii():
        return " " if letter == "-" or not letter.isprintable() else letter
    category = unicodedata.category(letter)
    if category in {"Mn", "Me", "Cf"}:
        return ""
    return " " if category in {"Pd", "Cc", "Zs", "Zl", "Zp"} else letter


def _without_article(word: str) -> str:
    """Drop a leading article where three letters remain; a written hamza (إلهام) shows that it is none."""
    return word[2:] if word.startswith("ال") and len(fold(word)) > 4 else word  # noqa: PLR2004 - two of the article


def _checked(text: str, allowed: frozenset[str], least: int, most: int) -> str:
    if len(text) > most * 2:  # spares the walk over a huge text
        raise ValueError(f"longer than {most} characters")
    if not text.isprintable():
        for letter in text:
            if unicodedata.category(letter) in _REFUSED and letter not in allowed:
                raise ValueError(f"the character U+{ord(letter):04X} is not allowed")
    text = text.strip()
    if len(text) > most:
        raise ValueError(f"longer than {most} characters")
    if len(text) < least:
        raise ValueError("empty" if not text else f"shorter than {least} characters")
    return text
