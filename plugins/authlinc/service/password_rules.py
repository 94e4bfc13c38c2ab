"""What a password may be (NIST SP 800-63B): long, of any characters, and not one that others guess first.

There are no rules of composition and nothing expires. The whole password is compared, never a word inside of it: four
words that everybody knows are a good password, one of them with a year behind it is not.
"""

import re
import unicodedata
from collections.abc import Iterable

from authlinc.service.common_words import RUNS, WORDS
from masterlinc import text
from masterlinc.errors import FieldError
from masterlinc.security.passwords import normalize

_LEET = str.maketrans("0134578@$!|", "oieastbasil")
_SHORTEST_CONTEXT = 4
_OWN = 8  # what is left without one's own name must be a password still
_FEW_CHARACTERS = 5
_MOST_WORDS = 2  # of the list, one after the other, are still guessed first


def faults(password: str, *, shortest: int, context: Iterable[str], field: str = "password") -> list[FieldError]:
    """Return what is wrong with a new password; raises Invalid for one that is too long."""
    plain = normalize(password)
    if len(plain) < shortest:
        detail = f"a password has at least {shortest} characters; a sentence is easy to remember"
        detail_ar = f"أقل طول لكلمة المرور {shortest} حرفاً، ويسهل تذكر جملة كاملة"
        return [FieldError(field, "too-short", detail, detail_ar)]
    if is_common(plain):
        detail = "this password is among the first that others guess"
        return [FieldError(field, "too-common", detail, "كلمة المرور هذه من أول ما يخمنه الآخرون")]
    if is_about(plain, context):
        detail = "this password is made of your name, your organization or this system's name"
        detail_ar = "كلمة المرور هذه مكونة من اسمك أو اسم منشأتك أو اسم هذا النظام"
        return [FieldError(field, "too-close", detail, detail_ar)]
    return []


def is_common(password: str) -> bool:
    """Say whether a password is a known one, or is made from known ones as everybody does it."""
    folded = _folded(password)
    if len(set(folded)) < _FEW_CHARACTERS or _is_run(folded):
        return True
    bare = _core(_unit(folded))
    return any(_is_known(_unit(core)) for core in (folded, bare, folded.translate(_LEET), bare.translate(_LEET)))


def is_about(password: str, context: Iterable[str]) -> bool:
    """Say whether little is left of a password without the words that belong to its owner."""
    left = _folded(password)
    words = {word for phrase in context for word in re.split(r"[^\w]+|_", text.fold(phrase)) if word}
    for word in sorted(words, key=len, reverse=True):
        if len(word) >= _SHORTEST_CONTEXT:
            left = left.replace(word, "")
    return len(left) < min(_OWN, len(_folded(password)))


def _folded(password: str) -> str:
    """Return a password as it is compared: case, spaces and punctuation make it no harder to guess."""
    folded = text.fold(unicodedata.normalize("NFKC", password))
    return "".join(letter for letter in folded if letter.isalnum() or letter in "@$!|") or folded


def _core(folded: str) -> str:
    """Strip the numbers and marks that people put around a word."""
    return re.sub(r"^[\d@$!|]+|[\d@$!|]+$", "", folded)


def _unit(core: str) -> str:
    """Return what a password repeats, or the password."""
    again = (core + core).find(core, 1)
    return core[:again] if 0 < again < len(core) else core


def _is_known(core: str) -> bool:
    return not core or core in _FOLDED_WORDS or _is_run(core) or _is_chain(core, _MOST_WORDS)


def _is_chain(core: str, most: int) -> bool:
    """Say whether it is a few known words, one after the other."""
    if not core:
        return True
    return most > 0 and any(
        core[:size] in _FOLDED_WORDS and _is_chain(core[size:], most - 1) for size in range(len(core), 1, -1)
    )


def _is_run(folded: str) -> bool:
    """Say whether it walks along an alphabet or a keyboard, one run or two."""
    return any(_on_a_run(folded[:cut]) and _on_a_run(folded[cut:]) for cut in range(len(folded) // 2, len(folded) + 1))


def _on_a_run(part: str) -> bool:
    return any(part in run or part in run[::-1] for run in _FOLDED_RUNS)


_FOLDED_WORDS = frozenset(text.fold(word).replace(" ", "") for word in WORDS)
_FOLDED_RUNS = tuple(text.fold(run).replace(" ", "") for run in RUNS)
