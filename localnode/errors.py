"""What can keep a node from running."""


class LocalNodeError(Exception):
    """The node cannot be built or does not start; the message says what to do."""
