"""MASTERLINC: the kernel. It knows no agent by name."""

__version__ = "0.1.0"
