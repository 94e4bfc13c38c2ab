"""From plain data to messages: requests of our own claims, answers of a payer."""

from nphieslinc.writing.request import Parties, build_request
from nphieslinc.writing.response import MessageIds, Responder, decided, operation_outcome, pended, refused

__all__ = [
    "MessageIds",
    "Parties",
    "Responder",
    "build_request",
    "decided",
    "operation_outcome",
    "pended",
    "refused",
]
