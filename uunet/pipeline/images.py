"""Still images and folders of them: the same as `video`, one picture at a time.

Results are PNG: the hidden bits live in single levels, which JPEG and lossy WebP destroy. The picture is written
upright (its EXIF orientation is applied to the pixels), grey becomes RGB, transparency is kept as it is, and EXIF data
such as place and camera are dropped.
"""

import io
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from uunet.errors import UUNetError
from uunet.outputs import new_file
from uunet.pipeline import frame

READABLE = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
ORIENTATION = 0x0112  # EXIF tag


class ImageError(UUNetError):
    """A picture cannot be read, or its result would not be right."""


@dataclass(frozen=True)
class FolderResult:
    """What was done to the pictures of a folder, by their path inside it."""

    done: dict = field(default_factory=dict)  # -> number of heads
    failed: dict = field(default_factory=dict)  # -> sentence; nothing was written for these


def deidentify_image(source, target, encoder, detector, *, seed=None, overwrite=False):
    """Writes the public version of a picture: virtual faces, and their boxes hidden in the pixels.

    Args:
        source: path of a PNG, JPEG, BMP, TIFF or WebP file with 8 bits a colour.
        target: path of the public file, .png.
        encoder: keras.Model U_e.
        detector: callable frame -> faces, or head boxes (those of frame 0): see `detection`.
        seed: int >= 0 for a repeatable file; None draws a fresh one.
        overwrite: bool, whether an existing `target` may be replaced.

    Returns:
        int, the number of heads.

    Raises:
        UUNetError: one sentence; nothing is left at `target`.
    """
    seed = frame.fresh_seed() if seed is None else seed

    def publish(rgb):
        heads = frame.tracked_heads([rgb], detector)
        return frame.deidentify_frames([rgb], heads, encoder, seed=seed)[0], len(heads[0])

    return _convert(source, target, publish, overwrite)


def reconstruct_image(public, target, decoder, *, overwrite=False):
    """Writes the original faces back: needs nothing but the public file and U_d. Returns the number of heads.

    Raises:
        UUNetError: one sentence, e.g. if the picture carries no intact message; nothing is left at `target`.
    """

    def restore(rgb):
        rois = frame.read_rois(rgb)
        return frame.reconstruct_frames([rgb], [rois], decoder)[0], len(rois)

    return _convert(public, target, restore, overwrite)


def inspect_image(public):
    """The head boxes that a public picture carries: list of Roi."""
    return frame.read_rois(read(public)[0])


def deidentify_folder(source, target, encoder, detector, *, seed=None, overwrite=False, progress=None):
    """Writes the public version of every picture in a folder and its subfolders, as .png under the same name.

    A picture that fails is reported and the others are still done; for it nothing is written.

    Args:
        source: path of the folder; in it, files that are not READABLE are left out.
        target: path of the folder for the results, made if need be.
        encoder, detector, overwrite: as in `deidentify_image`; boxes of frame k are for the k-th picture by path.
        seed: int >= 0 for repeatable files; picture k uses seed + k, so that nobody gets one virtual face twice.
        progress: callable `(stage, done, total)`, after each picture.

    Returns:
        FolderResult.

    Raises:
        UUNetError: before anything is done, if the folders cannot be used as asked.
    """
    plan = _plan(source, target, overwrite)
    if not callable(detector) and detector and max(detector) >= len(plan):
        raise ImageError(
            f"There is a head box for picture {max(detector)} but the last one is {len(plan) - 1}: count from 0."
        )

    def one(k, picture, result):
        found = detector if callable(detector) else {0: detector.get(k, [])}
        own_seed = None if seed is None else seed + k
        return deidentify_image(picture, result, encoder, found, seed=own_seed, overwrite=overwrite)

    return _each(source, plan, one, progress, "de-identify")


def reconstruct_folder(public, target, decoder, *, overwrite=False, progress=None):
    """Writes the original faces back into every public picture of a folder; see `deidentify_folder`."""

    def one(_, picture, result):
        return reconstruct_image(picture, result, decoder, overwrite=overwrite)

    return _each(public, _plan(public, target, overwrite), one, progress, "reconstruct")


def read(path):
    """A picture, upright.

    Returns:
        uint8 `(H, W, 3)`, RGB; and its transparency, uint8 `(H, W)`, or None.

    Raises:
        ImageError: if the file is missing, damaged, not a picture, holds several, or has more than 8 bits a colour.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ImageError(f"{path} cannot be read ({error.strerror}): name an existing picture.") from error
    try:
        orientation = _orientation(data)
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None
    except Image.DecompressionBombError as error:
        raise ImageError(f"{path} has more than {2 * Image.MAX_IMAGE_PIXELS} pixels: make it smaller.") from error
    except (cv2.error, OSError):
        image = None
    if image is None:
        raise ImageError(f"{path} is damaged or not a picture: give a whole PNG, JPEG, BMP, TIFF or WebP file.")
    if image.dtype != np.uint8:
        bits = 8 * image.dtype.itemsize
        raise ImageError(f"{path} has {bits} bits a colour, where the hidden boxes need 8: convert it to 8 bits first.")
    if cv2.imcount(str(path), cv2.IMREAD_UNCHANGED) > 1:
        raise ImageError(f"{path} holds several pictures: save each as its own file.")
    image = _upright(np.atleast_3d(image), orientation)
    alpha = image[..., 3] if image.shape[2] == 4 else None
    bgr = image[..., :3] if image.shape[2] >= 3 else np.repeat(image, 3, axis=2)
    return np.ascontiguousarray(bgr[..., ::-1]), alpha


def _orientation(data):
    """The EXIF orientation, int. OSError if a JPEG is cut off: OpenCV 4 fills what is missing with grey, silently."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # large is not wrong: phones make 108 MP
            picture = Image.open(io.BytesIO(data))  # reads the header only
    except (OSError, ValueError, SyntaxError):  # not for Pillow: OpenCV will tell
        return 1
    if picture.format in ("JPEG", "MPO"):  # MPO: a JPEG with more pictures behind the first one's end
        picture.load()
    try:
        # OpenCV already applies a TIFF's orientation, but with IMREAD_UNCHANGED no other format's
        return 1 if picture.format == "TIFF" else picture.getexif().get(ORIENTATION, 1)
    except (OSError, ValueError, SyntaxError):  # unreadable EXIF says nothing
        return 1


def _upright(image, orientation):
    if orientation in (5, 6, 7, 8):
        image = image.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    return image


def _convert(source, target, change, overwrite):
    if Path(target).suffix.lower() != ".png":
        raise ImageError(
            f"{target} cannot be written: name a .png file, as other formats lose what hides in the pixels."
        )
    rgb, alpha = read(source)
    with new_file(target, source, overwrite=overwrite) as part:
        changed, heads = change(rgb)
        bgr = changed[..., ::-1]
        image = np.ascontiguousarray(bgr if alpha is None else np.dstack([bgr, alpha]))
        part.write_bytes(cv2.imencode(".png", image)[1].tobytes())
        if not np.array_equal(read(part)[0], changed):
            raise ImageError(f"{target} does not read back as it was written: nothing was kept.")
    return heads


def _plan(source, target, overwrite):
    """Pairs of (picture, its result), by path; refuses, before anything is written, what cannot work."""
    source, target = Path(source), Path(target)
    try:
        if not source.is_dir():
            raise ImageError(f"{source} is not a folder: name a folder of pictures.")
        a, b = source.resolve(), target.resolve()
        if a.is_relative_to(b) or b.is_relative_to(a) or (target.exists() and not target.is_dir()):
            raise ImageError(f"{target} cannot take the results: name a folder outside of {source} and not around it.")
        pictures = sorted(path for path in source.rglob("*") if path.suffix.lower() in READABLE and path.is_file())
        if not pictures:
            raise ImageError(f"{source} holds no picture: put {', '.join(READABLE)} files into it.")
        inputs = {picture.resolve() for picture in pictures}
        plan = {}
        for picture in pictures:
            result = target / picture.relative_to(source).with_suffix(".png")
            if result in plan:
                raise ImageError(f"{picture} and {plan[result]} would both become {result}: rename one.")
            if result.resolve() in inputs:  # through a link
                raise ImageError(f"{result} is an input itself, which is never replaced: name another folder.")
            if result.exists() and not overwrite:
                raise ImageError(f"{result} exists already: name another folder, or ask to overwrite it.")
            plan[result] = picture
        return [(picture, result) for result, picture in plan.items()]
    except OSError as error:
        raise ImageError(f"{error.filename} cannot be used ({error.strerror}): name other folders.") from error


def _each(source, plan, one, progress, stage):
    done, failed = {}, {}
    for k, (picture, result) in enumerate(plan):
        name = str(picture.relative_to(source))
        try:
            result.parent.mkdir(parents=True, exist_ok=True)
            done[name] = one(k, picture, result)
        except UUNetError as error:
            failed[name] = str(error)
        except OSError as error:
            raise ImageError(f"{result.parent} cannot be made ({error.strerror}): name another folder.") from error
        if progress:
            progress(stage, k + 1, len(plan))
    return FolderResult(done, failed)
