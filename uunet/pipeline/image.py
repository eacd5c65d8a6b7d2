"""Still images: de-identified, reconstructed, inspected. `media.images` reads and writes the files."""

from collections.abc import Callable
from pathlib import Path

import keras

from uunet import engine
from uunet.atomic import new_file
from uunet.boxes import detection
from uunet.boxes.box_file import GivenBoxes
from uunet.boxes.types import rois_of
from uunet.media import images, profiles
from uunet.media.images import ImageError
from uunet.pipeline.frame import deidentify_frames, fresh_seed, new_seal, reconstruct_frames
from uunet.wire import messages


def deidentify_image(
    source: Path | str,
    target: Path | str,
    encoder: keras.Model,
    detector: Callable | GivenBoxes,
    *,
    seed: int | None = None,
    secret: bytes | str | None = None,
    profile: str | None = None,
    method: str | None = None,
    overwrite: bool = False,
) -> int:
    """Writes the public version of a picture: virtual faces, and their boxes hidden in the pixels.

    Args:
        source: path of a PNG, JPEG, BMP, TIFF or WebP file with 8 bits per channel.
        target: path of the public file, .png or .jpg.
        encoder: U_e.
        detector: callable frame -> faces, or `box_file.GivenBoxes` (those of frame 0): see `detection`.
        seed: >= 0 for a repeatable file; None draws a fresh one.
        secret: 32 bytes or a passphrase, see `crypto`, to seal the boxes with; None for boxes that anybody can read.
        profile: the name of the profile that `target` must have; None for any.
        method: how the boxes are hidden, see `profiles`; None for the profile's default.
        overwrite: whether an existing `target` may be replaced.

    Returns:
        The number of heads.

    Raises:
        UUNetError: one sentence; nothing is left at `target`.
    """
    chosen = profiles.choose(target, profiles.PICTURES, profile, method=method)
    picture = images.read(source)
    images.check_transparency(source, picture, chosen)
    with new_file(target, source, overwrite=overwrite) as part:
        heads = detection.tracked_heads([[picture.rgb]], detector)
        deidentifier = engine.Deidentifier(encoder, fresh_seed() if seed is None else seed)
        seal = new_seal(secret)
        assert chosen.method is not None  # only a profile of reconstructions hides nothing
        (public,) = deidentify_frames([picture.rgb], heads, deidentifier, seal=seal, method=chosen.method)
        again = images.write(part, target, chosen, public, picture.alpha)
        rois = rois_of(heads)
        if messages.read([[again.carrier]], secret).boxes != rois:
            raise ImageError(f"{target} {profiles.not_survived(chosen)}")
    return len(rois[0])


def reconstruct_image(
    public: Path | str,
    target: Path | str,
    decoder: keras.Model,
    *,
    secret: bytes | str | None = None,
    boxes: GivenBoxes | None = None,
    overwrite: bool = False,
) -> int:
    """Writes the original faces back: needs nothing but the public file, U_d and, if it is sealed, the secret.

    Args:
        public: path of a file that `deidentify_image` wrote, unchanged.
        target: path of the result, .png.
        decoder: U_d.
        secret: 32 bytes or the passphrase with which the file was sealed; None if it was not.
        boxes: given boxes (those of frame 0), to be used instead of the message.
        overwrite: as in `deidentify_image`.

    Returns:
        The number of heads.

    Raises:
        UUNetError: one sentence, e.g. if the picture carries no intact message; nothing is left at `target`.
    """
    chosen = profiles.choose(target, profiles.RECONSTRUCTED_PICTURES)
    picture = images.read(public)
    with new_file(target, public, overwrite=overwrite) as part:
        if boxes is None:
            rois = messages.read([[picture.carrier]], secret, alone=True).opened()
        else:
            rois = rois_of(boxes.frames(1, *picture.rgb.shape[:2]))
        (restored,) = reconstruct_frames([picture.rgb], rois, decoder)
        images.write(part, target, chosen, restored, picture.alpha)
    return len(rois[0])


def inspect_image(public: Path | str, *, secret: bytes | str | None = None) -> messages.Contents:
    """What a public picture carries: the same as `video.inspect_video`, of one frame."""
    return messages.read([[images.read(public).carrier]], secret, alone=True)
