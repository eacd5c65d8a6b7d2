"""Still images: de-identified, reconstructed, inspected. `media.images` reads and writes the files."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from uunet.atomic import new_file
from uunet.boxes import detection
from uunet.boxes.box_file import GivenBoxes
from uunet.boxes.types import rois_of
from uunet.media import images, profiles
from uunet.media.images import ImageError
from uunet.pipeline import sealed, sealing
from uunet.pipeline.frame import reconstruct_frames
from uunet.pipeline.options import LEARNED, PublicOptions, RestoreOptions
from uunet.wire import contents, messages

if TYPE_CHECKING:  # reading public files needs no network
    import keras


def deidentify_image(
    source: Path | str,
    target: Path | str,
    encoder: "keras.Model",
    detector: Callable | GivenBoxes,
    options: PublicOptions = PublicOptions(),
    note: Callable[[str], object] = lambda sentence: None,
) -> int:
    """Writes the public version of a picture: virtual faces, and their boxes hidden in the pixels.

    Args:
        source: path of a PNG, JPEG, BMP, TIFF or WebP file with 8 bits per channel.
        target: path of the public file, .png or .jpg.
        encoder: U_e.
        detector: callable frame -> faces, or `box_file.GivenBoxes` (those of frame 0): see `detection`.
        options: how the file is written.
        note: callable `(sentence)`, with what the user should read about the file.

    Returns:
        The number of heads.

    Raises:
        UUNetError: one sentence; nothing is left at `target`.
    """
    options.check()
    chosen = profiles.choose(target, profiles.PICTURES, options.profile, options.crf, options.method)
    picture = images.read(source)
    images.check_transparency(source, picture, chosen)
    with sealing.publishing(encoder, options, chosen, source, target) as (part, publisher):
        heads = detection.tracked_heads([[picture.rgb]], detector)
        (public,) = publisher([picture.rgb], heads)
        again = images.write(part, target, chosen, public, picture.alpha)
        rois = rois_of(heads)
        if options.mode == LEARNED and messages.read([[again.carrier]], options.secret).boxes != rois:
            raise ImageError(f"{target} {profiles.not_survived(chosen)}")
        notes = publisher.notes()
    for sentence in notes:
        note(sentence)
    return len(rois[0])


def reconstruct_image(
    public: Path | str,
    target: Path | str,
    decoder: "keras.Model",
    options: RestoreOptions = RestoreOptions(),
) -> int:
    """Writes the original faces back: needs nothing but the public file, U_d and, if it is sealed, the secret.

    Args:
        public: path of a file that `deidentify_image` wrote, unchanged.
        target: path of the result, .png.
        decoder: U_d.
        options: how the file is read, and the result written.

    Returns:
        The number of heads.

    Raises:
        UUNetError: one sentence, e.g. if the picture carries no intact message; nothing is left at `target`.
    """
    options.check_learned()
    chosen = profiles.choose(target, profiles.RECONSTRUCTED_PICTURES)
    picture = images.read(public)
    with new_file(target, public, overwrite=options.overwrite) as part:
        if options.boxes is None:
            rois = sealed.opened(messages.read([[picture.carrier]], options.secret, alone=True), public)
        else:
            rois = rois_of(options.boxes.frames(1, *picture.rgb.shape[:2]))
        (restored,) = reconstruct_frames([picture.rgb], rois, decoder)
        images.write(part, target, chosen, restored, picture.alpha)
    return len(rois[0])


def restore_image(public: Path | str, target: Path | str, options: RestoreOptions) -> sealed.Contents:
    """Writes sealed originals back into a picture: see `video.restore_video`.

    Args:
        public: path of a picture with sealed originals that `deidentify_image` wrote.
        target: path of the result, .png, which only its owner can read.
        options: RestoreOptions with an identity.

    Returns:
        sealed.Contents: what the file carries; `altered` names public heads that are not as they were published.

    Raises:
        UUNetError: one sentence; nothing is left at `target`.
    """
    options.check_sealed(target)
    chosen = profiles.choose(target, profiles.RECONSTRUCTED_PICTURES)
    picture, reader = images.read(public), sealed.Reader(public, options, "reconstruct")
    with new_file(target, public, overwrite=options.overwrite, mode=sealed.FOR_OWNER) as part:
        restored = reader.restored(picture, str(public))
        reader.finish()
        images.write(part, target, chosen, restored, picture.alpha)
    return reader.found


def inspect_image(public: Path | str, *, secret: bytes | str | None = None) -> contents.Contents:
    """What a public picture carries: the same as `video.inspect_video`, of one frame."""
    return messages.read([[images.read(public).carrier]], secret, alone=True)
