"""What the commands say, in English and in Arabic."""

import time
from collections.abc import Callable, Iterable

from rich.console import Console
from rich.table import Table

from masterlinc.launch.status import State

WORDS = {
    "database": ("the database answers", "قاعدة البيانات تعمل"),
    "database_runs": ("the database runs already", "قاعدة البيانات تعمل من قبل"),
    "migrated": ("{count} migrations run", "تم تحديث قاعدة البيانات: {count}"),
    "demo": ("demo data: {what}", "بيانات تجريبية"),
    "started": ("{name} is starting on port {port}", "يبدأ {name} على المنفذ {port}"),
    "runs": ("{name} runs already: process {pid}, {address}", "{name} يعمل من قبل: العملية {pid}، {address}"),
    "died": ("{name} had died; it is started again", "توقف {name} فجأة؛ يعاد تشغيله"),
    "ready": ("{name} is ready at {address}", "{name} جاهز على {address}"),
    "stopped": ("{name} stopped", "توقف {name}"),
    "killed": ("{name} did not stop in {seconds} s and was killed", "لم يتوقف {name} خلال {seconds} ثانية فأنهي قسرا"),
    "gone": ("{name} was not running", "{name} لم يكن يعمل"),
    "nothing": ("nothing runs here; start it with: masterlinc start", "لا شيء يعمل هنا؛ ابدأ بالأمر: masterlinc start"),
    "users": ("users: {users}  password: {password}", "المستخدمون: {users}  كلمة المرور: {password}"),
    "up": ("MASTERLINC is up", "ماسترلينك جاهز"),
}


def teller(console: Console) -> Callable[..., None]:
    """Return what prints one of the words, with the seconds since now."""
    began = time.monotonic()

    def tell(word: str, **facts: object) -> None:
        english, arabic = (text.format(**facts) for text in WORDS[word])
        console.print(
            f"[dim]{time.monotonic() - began:5.1f} s[/]  {english}  ·  {arabic}", highlight=False, soft_wrap=True
        )

    return tell


COLUMNS = (
    ("process", "العملية"),
    ("pid", "الرقم"),
    ("port", "المنفذ"),
    ("health", "الحالة"),
    ("heartbeat", "النبض"),
    ("running", "الأعمال"),
    ("agents", "الوكلاء"),
)
HEALTH = {
    "ready": "[green]ready[/] جاهز",
    "running": "[green]running[/] يعمل",
    "not_ready": "[yellow]not ready[/] غير جاهز",
    "silent": "[red]no answer[/] لا يجيب",
    "down": "[red]down[/] متوقف",
}


def table(states: Iterable[State]) -> Table:
    """Return what `masterlinc status` shows."""
    shown = Table(*(f"{english}\n{arabic}" for english, arabic in COLUMNS))
    for one in states:
        beat = "-" if one.beat_seconds is None else f"{one.beat_seconds:.1f} s"
        health = HEALTH[one.health] + (" · [yellow]stopping[/] يتوقف" if one.draining else "")
        facts = (
            one.name,
            str(one.pid),
            str(one.port or "-"),
            health,
            beat,
            str(one.running),
            ", ".join(one.agents) or "-",
        )
        shown.add_row(*facts)
    return shown
