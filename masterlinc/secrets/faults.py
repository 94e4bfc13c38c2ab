"""What goes wrong where secrets are kept; the words never hold a secret."""


class SourceFault(Exception):
    """A secret cannot be read from where it is kept."""
