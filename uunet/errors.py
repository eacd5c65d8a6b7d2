"""The one base of every error a user can mend: its message says what, where and what to do, in one sentence.

The command line prints it and exits with 1; anything else is a bug and shows its traceback.
"""


class UUNetError(Exception):
    """Raised with one clear sentence: what is wrong, where, and what to do about it."""
