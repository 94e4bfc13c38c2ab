"""What this agent refuses.

DomainError
├── Malformed
│   └── NotJson
├── Conflict
│   └── MessageReused      the ids of a stored message came again with other content
├── Invalid
│   ├── NotNphies          no NPHIES message at all, or one of a wrong shape
│   ├── UnknownEvent
│   ├── RulesBroken        strictness `full` refuses what NPHIES would refuse
│   └── AnswerRefused      an answer that is not for the request that was sent
├── NotBuilt
│   └── EventNotBuilt
└── Unavailable
    └── HubUnreachable
"""

from collections.abc import Iterable
from typing import Self

from masterlinc.errors import Conflict, FieldError, Invalid, Malformed, NotBuilt, Unavailable
from nphieslinc.faults import BrokenRule


class NotJson(Malformed):
    """The body is no JSON that can be read."""

    code = "not-json"
    title, title_ar = "The message is not readable JSON", "الرسالة ليست بصيغة JSON مقروءة"


class BrokenMessage(Invalid):
    """A message with broken rules, each with its id and path."""

    code = "broken-message"
    title, title_ar = "The message breaks rules of the exchange", "الرسالة تخالف قواعد المنصة"

    @classmethod
    def of(cls, faults: Iterable[BrokenRule]) -> Self:
        """Make the error that names these faults."""
        listed = tuple(faults)
        first = listed[0]
        errors = [FieldError(fault.path, fault.rule, fault.detail, fault.detail_ar) for fault in listed]
        return cls(f"{first.path}: {first.detail}", f"{first.path}: {first.detail_ar}", errors=errors)


class NotNphies(BrokenMessage):
    """No NPHIES message, or one whose shape cannot be read."""

    code = "not-nphies"
    title, title_ar = "This is not a NPHIES message that can be read", "هذه ليست رسالة نفيس صالحة للقراءة"


class UnknownEvent(BrokenMessage):
    """The message's event is none of the exchange's."""

    code = "unknown-event"
    title, title_ar = "The event of the message is unknown", "نوع حدث الرسالة غير معروف"


class RulesBroken(BrokenMessage):
    """The message breaks rules, and the strictness is `full`."""

    code = "rules-broken"


class AnswerRefused(BrokenMessage):
    """An answer that is not for the request that was sent, or says nothing that can be used."""

    code = "answer-refused"
    title, title_ar = "The answer does not fit the request", "الإجابة لا تطابق الطلب المرسل"


class MessageReused(Conflict):
    """The ids of a stored message came again with other content (BV-00532, BV-00533, BV-00163)."""

    code = "message-reused"
    title, title_ar = "These message ids were used before for other content", "استُخدمت معرّفات الرسالة سابقاً لمحتوى آخر"


class EventNotBuilt(NotBuilt):
    """A known event that this version does not take."""

    code = "event-not-built"


class HubUnreachable(Unavailable):
    """The hub gave no answer."""

    code = "hub-unreachable"
    title, title_ar = "NPHIES cannot be reached at the moment", "تعذر الاتصال بمنصة نفيس حالياً"


__all__ = [
    "AnswerRefused",
    "BrokenMessage",
    "EventNotBuilt",
    "HubUnreachable",
    "MessageReused",
    "NotJson",
    "NotNphies",
    "RulesBroken",
    "UnknownEvent",
]
