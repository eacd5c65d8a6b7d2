"""Envelopes of sealed originals in a file of their own, beside a public file that has no room or loses them.

    "UOSC" | version u8 = 1 | per frame: length u32 (big-endian) | envelope

The envelopes follow in the order of the frames, up to the end of the file. The last one says that it is the last
(`envelope`), so a file that was cut between two envelopes is noticed there. Readers and writers hold one at a time.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from uunet.errors import UUNetError

MAGIC = b"UOSC"
VERSION = 1
MAX_LENGTH = 2**26  # bytes of an envelope, 64 MiB: far more than any frame needs, and little enough for memory


class SidecarError(UUNetError):
    """A file of envelopes cannot be read or written."""


def start(file: BinaryIO) -> None:
    """Writes the beginning of a file of envelopes."""
    file.write(MAGIC + bytes((VERSION,)))


def write(file: BinaryIO, envelope: bytes) -> None:
    """Appends the envelope of the next frame.

    Args:
        file: binary file to which `start` has written.
        envelope: bytes, at most MAX_LENGTH.

    Raises:
        SidecarError: if there are more.
    """
    if len(envelope) > MAX_LENGTH:
        raise SidecarError(
            f"The originals of one frame have {len(envelope)} bytes where a sidecar file holds {MAX_LENGTH}: use "
            "smaller heads or a lower quality."
        )
    file.write(len(envelope).to_bytes(4, "big"))
    file.write(envelope)


def envelopes(path: Path | str) -> Iterator[bytes]:
    """Yields the envelope of each frame, in their order.

    Raises:
        SidecarError: naming `path`, if it is no complete file of envelopes; envelopes before the damage are yielded.
    """
    try:
        with Path(path).open("rb") as file:
            yield from _envelopes(path, file, os.fstat(file.fileno()).st_size)
    except OSError as error:
        raise SidecarError(f"{path} cannot be read ({error.strerror}): give an existing sidecar file.") from error


def _envelopes(path, file, size):
    head = file.read(len(MAGIC) + 1)
    if head[: len(MAGIC)] != MAGIC:
        raise SidecarError(f"{path} is not a sidecar file of sealed originals: give the file that --sidecar wrote.")
    if head[len(MAGIC) :] != bytes((VERSION,)):
        version = head[-1] if len(head) > len(MAGIC) else "none"
        raise SidecarError(
            f"{path} is a sidecar file of version {version} where this program reads version {VERSION}: give a "
            "complete file, or use the program that wrote it."
        )
    at, index = len(head), 0
    while index == 0 or at < size:
        field = file.read(4)
        length = int.from_bytes(field, "big")
        if len(field) < 4 or length > min(MAX_LENGTH, size - at - 4):
            raise _damaged(path, index)
        envelope = file.read(length)
        if len(envelope) < length:  # the file became shorter
            raise _damaged(path, index)
        yield envelope
        at, index = at + 4 + length, index + 1


def _damaged(path, index):
    return SidecarError(f"{path} is cut off or damaged at frame {index}: give the whole sidecar file.")
