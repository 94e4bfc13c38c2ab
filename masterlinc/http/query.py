"""A query parameter is written once: of two, one reader takes the first and another the last."""

from urllib.parse import quote_from_bytes, unquote_plus

from masterlinc.errors import FieldError, Malformed

_AS_SENT = "".join(chr(code) for code in range(0x21, 0x7F))
REPEATED = "repeated_query"  # opt of a route that takes a parameter several times


def require_single(query: bytes) -> None:
    """Raise Malformed naming a parameter that is written twice."""
    seen = set()
    for part in query.split(b"&"):
        name = unquote_plus(part.partition(b"=")[0].decode("latin-1"))
        if name in seen:
            raise _twice(name[:60])
        if part:
            seen.add(name)


def escaped(query: bytes) -> bytes:
    """Percent-escape letters that a client sent raw, as curl does with Arabic; RFC 3986 has no such bytes."""
    return query if query.isascii() else quote_from_bytes(query, safe=_AS_SENT).encode("ascii")


def _twice(name: str) -> Malformed:
    detail, detail_ar = "This parameter is written twice", "كُتب هذا المعامل مرتين"
    return Malformed(f"{name}: {detail}", f"{name}: {detail_ar}", errors=[FieldError(name, "twice", detail, detail_ar)])
