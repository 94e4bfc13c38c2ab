"""Takes out of a text what may be a secret or name a person: the second line, behind the list of fields."""

import re

MARK = "[…]"
LONGEST = 1_000  # of a text that is looked at: what is longer is cut at a word
_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?<=\bbearer )\S+",
        r"(?<=\bbasic )\S+",
        r"(?<=://)[^/@\s]+(?=@)",  # who signs in at an address
        r"(?<=[?&])[^=&\s#]+=[^&\s#\"']*",  # a query: names are rarely worth what values give away
        r"(?<![\w-])[\w-]*(?:token|password|passwd|secret|api[_-]?key|authorization|cookie)[\w-]*[\"']?\s*[=:]\s*[\"']?[^\s\"',;&}]+",
        r"\beyJ[\w-]+(?:\.[\w-]*)*",  # JSON Web Tokens
        r"[^\s@\"'<>()=,;:]+@[^\s@\"'<>()=,;:]+",  # mail addresses
        r"(?<![\w.])\+?\d(?:[ -]?\d){8,}(?![\w])",  # identity numbers, phones, cards, in any digits
        r"[A-Za-z0-9+/_=-]{40,}",  # keys and opaque tokens; ids of ours and of traces are shorter
    )
)


def redacted(text: str) -> str:
    """Return the text with a mark in place of tokens, keys, queries, addresses and long numbers."""
    if len(text) > LONGEST:
        text = text[:LONGEST].rpartition(" ")[0] + MARK
    for pattern in _PATTERNS:
        text = pattern.sub(MARK, text)
    return text
