"""The base class of all errors that a user can correct.

The command line prints the sentence of a UUNetError and exits with 1. Any other exception is a bug; its traceback is
shown.
"""


class UUNetError(Exception):
    """Its message is one sentence: what is wrong, with which file or option, and what to do."""
