"""What an agent can be called: its name is a package, a schema of PostgreSQL and a section of the settings."""

import importlib.util
import keyword
from importlib.metadata import entry_points

from masterlinc import text
from masterlinc.errors import Conflict, Invalid
from masterlinc.registry import GROUP, name_fits

LONGEST_NAME, LONGEST_TITLE = 30, 60
_NOT_IN_A_TITLE = frozenset('"\\{}|`<>[]')
_FOLDERS = frozenset({"tests"})  # beside the package, in the distribution that is made

# What PostgreSQL takes for a word of SQL where a schema is named.
RESERVED = frozenset(
    """
    all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation
    column concurrently constraint create cross current_catalog current_date current_role current_schema current_time
    current_timestamp current_user default deferrable desc distinct do else end except false fetch for foreign freeze
    from full grant group having ilike in initially inner intersect into is isnull join lateral leading left like limit
    localtime localtimestamp natural not notnull null offset on only or order outer overlaps placing primary references
    returning right select session_user similar some symmetric system_user table tablesample then to trailing true union
    unique user using variadic verbose when where window with
    """.split()  # noqa: SIM905 - a list would take a hundred lines
)


class NameUnfit(Invalid):
    """No agent can have this name or title."""

    code = "name-unfit"


class NameTaken(Conflict):
    """Something else has this name."""

    code = "name-taken"


def check_name(name: str) -> None:
    """Raise NameUnfit or NameTaken."""
    if not name_fits(name) or len(name) > LONGEST_NAME:
        raise NameUnfit(
            f"an agent cannot be called {name!r}: a name has up to {LONGEST_NAME} of a-z, 0-9 and single underscores,"
            " begins with a letter, and is no name of the kernel, as waitlinc",
            f"لا يصلح {name!r} اسماً لوكيل: يتكون الاسم من {LONGEST_NAME} رمزاً على الأكثر من a-z و0-9 وشرطات سفلية"
            " مفردة، ويبدأ بحرف، ولا يكون من أسماء النواة، مثل waitlinc",
        )
    if name in RESERVED or keyword.iskeyword(name):
        raise NameUnfit(
            f"an agent cannot be called {name}: it is a word of SQL or of Python",
            f"لا يصلح {name} اسماً لوكيل: فهو كلمة محجوزة في SQL أو Python",
        )
    if name in _FOLDERS or _is_a_module(name) or name in {point.name for point in entry_points(group=GROUP)}:
        raise NameTaken(
            f"the name {name} is taken: an agent or a Python module is called so",
            f"الاسم {name} مستخدم: يوجد وكيل أو وحدة Python بهذا الاسم",
        )


def check_title(title: str, *, arabic: bool) -> str:
    """Return a title without outer spaces; raises NameUnfit."""
    try:
        checked = text.clean(title, least=1, most=LONGEST_TITLE)
    except ValueError:
        checked = ""
    if not checked or _NOT_IN_A_TITLE & set(checked) or text.has_arabic(checked) is not arabic:
        language, language_ar = ("an Arabic", "بالعربية") if arabic else ("an English", "بالإنجليزية")
        raise NameUnfit(
            f"{title!r} is not {language} title of 1 to {LONGEST_TITLE} characters, without quotes and brackets",
            f"{title!r} ليس عنواناً {language_ar} من 1 إلى {LONGEST_TITLE} رمزاً بلا علامات تنصيص أو أقواس",
        )
    return checked


def title_of(name: str) -> str:
    """Return the title that a name suggests: WaitLinc for waitlinc."""
    words = [word.capitalize() for word in name.split("_")]
    if len(words[-1]) > len("linc") and words[-1].endswith("linc"):
        words[-1] = f"{words[-1].removesuffix('linc')}Linc"
    return " ".join(words)


def right_of(name: str) -> str:
    """Return the head of the agent's permissions, which take letters and single underscores."""
    letters = "".join(letter for letter in name if not letter.isdigit())
    return "_".join(word for word in letters.split("_") if word)


def _is_a_module(name: str) -> bool:
    spec = importlib.util.find_spec(name)
    return spec is not None and spec.origin is not None  # a folder without code has no origin
