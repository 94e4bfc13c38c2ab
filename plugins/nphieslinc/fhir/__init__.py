"""Messages as they come: bytes to a tree with exact numbers, and a cursor that knows its path."""

from nphieslinc.fhir.bundle import Entry, Message
from nphieslinc.fhir.node import Node
from nphieslinc.fhir.parsing import Number, Tree, parse, write

__all__ = ["Entry", "Message", "Node", "Number", "Tree", "parse", "write"]
