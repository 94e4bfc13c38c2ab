"""JSON in and out: guarded, typed, exact to the halala."""

from masterlinc.wire.codec import decode, dump, encode, load, tree
from masterlinc.wire.faults import WrongValue
from masterlinc.wire.shape import MAX_BYTES, guard

__all__ = ["MAX_BYTES", "WrongValue", "decode", "dump", "encode", "guard", "load", "tree"]
