"""From messages to plain data: a claim request becomes a ClaimSubmission, an answer an Answer."""

from nphieslinc.reading.answer import Answer, read_answer
from nphieslinc.reading.claim import read_submission

__all__ = ["Answer", "read_answer", "read_submission"]
