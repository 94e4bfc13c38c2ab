"""What stops a simulation or a replay.

SimulationTooLarge  413  more claims than are decided again while a caller waits
"""

from masterlinc.errors import TooLarge


class SimulationTooLarge(TooLarge):
    """More claims than are decided again while a caller waits."""

    code = "simulation-too-large"
    title = "These are too many claims to be decided again while you wait"
    title_ar = "عدد المطالبات أكبر من أن يُعاد البت فيها أثناء الانتظار"

    def __init__(self, most: int) -> None:
        super().__init__(
            f"These are more than the {most} claims that are taken at once: narrow `since` and `until`, or have the"
            " operator run `masterlinc adjudicate replay` with these overrides",
            f"عدد المطالبات يتجاوز الحد {most}: ضيّق الفترة بين `since` و`until` أو اطلب من المشغل تنفيذ"
            " `masterlinc adjudicate replay` بهذه التغييرات",
            extra={"most": most},
        )
