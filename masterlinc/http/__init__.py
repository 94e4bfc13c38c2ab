"""HTTP conventions: exact bodies in, exact bodies out, one shape for every error."""

from masterlinc.http.installation import install

__all__ = ["install"]
