"""HTTP conventions: exact bodies in, exact bodies out, one shape for every error."""
