"""What a public file carries: its boxes by frame, and what is wrong with it."""

import re
from dataclasses import dataclass

from uunet.boxes.types import Roi
from uunet.errors import UUNetError
from uunet.wire import crypto
from uunet.wire.protocol import SealedMessageError

NUMBER = re.compile("[0-9]+")


@dataclass(frozen=True)
class Stream:
    """What the frames of one file have in common."""

    method: str  # see `messages`
    suite: int  # protocol.PLAIN, or a key of crypto.CIPHERS
    stream_id: bytes | None  # (16); None if plain
    seal: crypto.Seal | None  # None if plain, or if no secret was given


@dataclass(frozen=True)
class Contents:
    """The messages of a public file."""

    stream: Stream | None  # None if no frame could be read
    shape: tuple[int, int]  # (height, width) in pixels
    boxes: list[list[Roi] | None]  # per frame, in message order; None if the frame failed, or is sealed without a key
    failures: dict[int, UUNetError]  # by frame number

    def failed(self) -> list[tuple[int, int, UUNetError]]:
        """The failures by rising frame number; alike ones of neighbouring frames as one: see `spans`."""
        return spans(self.failures)

    def opened(self) -> list[list[Roi]]:
        """The boxes of all frames.

        Raises:
            UUNetError: the first failure, with the numbers of its frames (not for a single picture).
            SealedMessageError: if the messages are sealed and no secret was given.
        """
        if self.failures:
            first, last, error = self.failed()[0]
            where = "" if len(self.boxes) == 1 else f"{span(first, last)}: "
            raise type(error)(f"{where}{error}") from error
        boxes = [rois for rois in self.boxes if rois is not None]
        if len(boxes) < len(self.boxes):
            raise SealedMessageError("The file is sealed: give the key file or passphrase it was sealed with.")
        return boxes


def spans(failures: dict[int, UUNetError]) -> list[tuple[int, int, UUNetError]]:
    """Failures by rising frame number; alike ones of neighbouring frames as one: `(first, last, error of the first)`.

    Alike are sentences that are equal, or whose numbers rise with the frame: "frame 40 carries ... of frame 45".
    """
    found: list[tuple[int, int, UUNetError]] = []
    for index, error in sorted(failures.items()):
        if found and found[-1][1] == index - 1 and _alike(str(found[-1][2]), str(error), index - found[-1][0]):
            found[-1] = (found[-1][0], index, found[-1][2])
        else:
            found.append((index, index, error))
    return found


def _alike(sentence: str, later: str, frames: int) -> bool:
    """Whether a sentence, so many frames later, differs in numbers only, which rose by as many."""
    if NUMBER.split(sentence) != NUMBER.split(later):
        return False
    pairs = zip(NUMBER.findall(sentence), NUMBER.findall(later), strict=True)
    return all(int(two) - int(one) in (0, frames) for one, two in pairs)


def span(first: int, last: int) -> str:
    """The words for some frames: "Frame 7" or "Frames 20 to 29"."""
    return f"Frame {first}" if first == last else f"Frames {first} to {last}"
