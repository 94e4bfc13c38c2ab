"""The words of the mails that we send: plain text and a page in both languages, with one link and nothing else."""

from email.headerregistry import Address
from email.message import EmailMessage
from html import escape
from typing import Literal

from msgspec import Struct

Purpose = Literal["invitation", "reset"]


class Letter(Struct, frozen=True):
    """What a mail is made of."""

    purpose: Purpose
    sender: str
    recipient: str  # an address in its folded form: ASCII, with nothing that a header could be broken with
    name: str
    name_ar: str
    link: str
    life: str  # how long the link works, in words
    life_ar: str


class _Words(Struct, frozen=True):
    subject: str
    subject_ar: str
    opening: str
    opening_ar: str
    closing: str
    closing_ar: str


_WORDS: dict[Purpose, _Words] = {
    "invitation": _Words(
        "Your account at MASTERLINC",
        "حسابك في ماسترلينك",
        "An account was made for you. Choose a password here:",
        "تم إنشاء حساب لك. اختر كلمة المرور من هنا:",
        "If you do not expect this, do nothing: without a password nobody can sign in.",
        "إذا لم تكن تتوقع هذه الرسالة فلا تفعل شيئاً؛ لا يمكن لأحد الدخول دون كلمة مرور.",
    ),
    "reset": _Words(
        "Choose a new password for MASTERLINC",
        "اختيار كلمة مرور جديدة لماسترلينك",
        "Somebody, you we hope, asked for a new password. Choose it here:",
        "طلب شخص ما، ونأمل أن يكون أنت، كلمة مرور جديدة. اخترها من هنا:",
        "If it was not you, do nothing: your password stays as it is.",
        "إذا لم تكن أنت من طلب ذلك فلا تفعل شيئاً؛ ستبقى كلمة مرورك كما هي.",
    ),
}


def compose(letter: Letter) -> EmailMessage:
    """Return the mail; raises ValueError for an address or subject that would break a header."""
    words, message = _WORDS[letter.purpose], EmailMessage()
    message["From"] = Address(addr_spec=letter.sender, display_name="MASTERLINC")
    message["To"] = Address(addr_spec=letter.recipient)
    message["Subject"] = f"{words.subject} | {words.subject_ar}"
    message["Auto-Submitted"] = "auto-generated"  # no answering machine answers (RFC 3834)
    message.set_content(_text(letter, words))
    message.add_alternative(_page(letter, words), subtype="html")
    return message


def _text(letter: Letter, words: _Words) -> str:
    return f"""{letter.name_ar}،

{words.opening_ar}
{letter.link}

يعمل الرابط مرة واحدة خلال {letter.life_ar}.
{words.closing_ar}

--

{letter.name},

{words.opening}
{letter.link}

The link works once, within {letter.life}.
{words.closing}
"""


def _page(letter: Letter, words: _Words) -> str:
    link = escape(letter.link)
    return f"""<!doctype html>
<html lang="ar" dir="rtl"><head><meta charset="utf-8"><title>{escape(words.subject_ar)}</title></head>
<body style="font-family: sans-serif">
<div lang="ar" dir="rtl">
<p><bdi>{escape(letter.name_ar)}</bdi>،</p>
<p>{words.opening_ar}</p>
<p><a href="{link}">{words.subject_ar}</a></p>
<p>يعمل الرابط مرة واحدة خلال {letter.life_ar}. {words.closing_ar}</p>
</div>
<hr>
<div lang="en" dir="ltr">
<p><bdi>{escape(letter.name)}</bdi>,</p>
<p>{words.opening}</p>
<p><a href="{link}">{words.subject}</a></p>
<p>The link works once, within {letter.life}. {words.closing}</p>
</div>
</body></html>
"""
