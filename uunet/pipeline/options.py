"""What a user may choose about the files that `video`, `image` and `folder` write."""

from dataclasses import dataclass

from uunet.boxes.box_file import GivenBoxes


@dataclass(frozen=True, kw_only=True)
class PublicOptions:
    """How a public file is written.

    Attributes:
        seed: >= 0 for a repeatable file; None draws a fresh one. Picture k of a folder uses seed + k, so that no two
            pictures show one virtual face.
        secret: 32 bytes or a passphrase, see `crypto`, to seal the boxes with; None for boxes that anybody can read.
        profile: the name of the profile that the file must have; None for any, and in a folder for "png".
        method: how the boxes are hidden, see `profiles`; None for the profile's default.
        crf: 1 to 51, quality of an .mp4: higher is smaller and worse; None for the profile's. Other files have none.
        overwrite: whether an existing file may be replaced.
    """

    seed: int | None = None
    secret: bytes | str | None = None
    profile: str | None = None
    method: str | None = None
    crf: int | None = None
    overwrite: bool = False


@dataclass(frozen=True, kw_only=True)
class RestoreOptions:
    """How a public file is read, and its reconstruction written.

    Attributes:
        secret: 32 bytes or the passphrase with which the file was sealed; None if it was not.
        boxes: given boxes, to be used instead of the messages, which are not read; of a picture those of frame 0, of a
            folder those of frame k for picture k. None for the boxes of the messages.
        overwrite: whether an existing file may be replaced.
    """

    secret: bytes | str | None = None
    boxes: GivenBoxes | None = None
    overwrite: bool = False
