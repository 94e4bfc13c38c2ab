"""Which of the two languages a caller wants (Accept-Language)."""

from functools import lru_cache
from typing import Any, Literal

Language = Literal["en", "ar"]


def language(scope: Any) -> Language:
    """Return the language of a request's answers; English where Arabic is not preferred to it."""
    for name, value in scope["headers"]:
        if name == b"accept-language":
            return _preferred(value[:200])
    return "en"


@lru_cache(512)
def _preferred(header: bytes) -> Language:
    weights = {"en": 0.0, "ar": 0.0}
    for number, part in enumerate(header.decode("latin-1").split(",")):
        tag, _, parameter = part.strip().partition(";")
        name = tag.strip().lower().partition("-")[0]
        if name in weights:
            # of equal weights the first one wins
            weights[name] = max(weights[name], _weight(parameter) - number / 1_000_000)
    return "ar" if weights["ar"] > weights["en"] else "en"


def _weight(parameter: str) -> float:
    key, _, value = parameter.strip().partition("=")
    if not key:
        return 1.0
    try:
        return min(max(float(value), 0.0), 1.0) if key == "q" else 0.0
    except ValueError:
        return 0.0
