"""Still images and folders of them: the same as `video`, one picture at a time.

Public pictures are PNG, or JPEG, which is small but loses part of what is hidden in the faces (`profiles`). Pictures
are written upright (the EXIF orientation is applied to the pixels), grey becomes RGB, transparency is kept as it is (in
PNG), and EXIF data such as place and camera are dropped.
"""

import io
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from uunet import engine
from uunet.atomic import new_file
from uunet.boxes import detection
from uunet.errors import UUNetError
from uunet.media import profiles
from uunet.pipeline import frame
from uunet.stego import jpeg
from uunet.wire import messages

READABLE = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
ORIENTATION = 0x0112  # EXIF tag


class ImageError(UUNetError):
    """A picture cannot be read, or its result would not be right."""


@dataclass(frozen=True)
class FolderResult:
    """What was done to the pictures of a folder, by their path inside it."""

    done: dict = field(default_factory=dict)  # -> number of heads
    failed: dict = field(default_factory=dict)  # -> sentence; nothing was written for these


def deidentify_image(
    source, target, encoder, detector, *, seed=None, secret=None, profile=None, method=None, overwrite=False
):
    """Writes the public version of a picture: virtual faces, and their boxes hidden in the pixels.

    Args:
        source: path of a PNG, JPEG, BMP, TIFF or WebP file with 8 bits a colour.
        target: path of the public file, .png or .jpg.
        encoder: keras.Model U_e.
        detector: callable frame -> faces, or head boxes (those of frame 0): see `detection`.
        seed: int >= 0 for a repeatable file; None draws a fresh one.
        secret: bytes (32) or str, see `keys`, to seal the boxes with; None for boxes that anybody can read.
        profile: str, the name of the profile that `target` must have; None for any.
        method: str, by which the boxes are hidden, see `profiles`; None for the profile's default.
        overwrite: bool, whether an existing `target` may be replaced.

    Returns:
        int, the number of heads.

    Raises:
        UUNetError: one sentence; nothing is left at `target`.
    """
    written = profiles.choose(target, profiles.PICTURES, profile, method=method)
    deidentifier = engine.Deidentifier(encoder, frame.fresh_seed() if seed is None else seed)

    def publish(rgb, _):
        heads = frame.tracked_heads([rgb], detector)
        seal = frame.new_seal(secret)
        public = frame.deidentify_frames([rgb], heads, deidentifier, seal=seal, method=written.method)[0]
        return public, [roi for _, roi in heads[0]]

    def survives(carrier, rois):
        return messages.read([[carrier]], secret).boxes == [rois]

    return _convert(source, target, written, publish, survives, overwrite)


def reconstruct_image(public, target, decoder, *, secret=None, boxes=None, overwrite=False):
    """Writes the original faces back: needs nothing but the public file, U_d and, if it is sealed, the secret.

    Args:
        public: path of a file made by `deidentify_image`, untouched.
        target: path of the result, .png.
        decoder: keras.Model U_d.
        secret: bytes (32) or str, with which the file was sealed; None if it was not.
        boxes: head boxes as `detection.from_file` reads them (those of frame 0), instead of the message.
        overwrite: as in `deidentify_image`.

    Returns:
        int, the number of heads.

    Raises:
        UUNetError: one sentence, e.g. if the picture carries no intact message; nothing is left at `target`.
    """
    written = profiles.choose(target, profiles.RECONSTRUCTED_PICTURES)

    def restore(rgb, carrier):
        if boxes is None:
            (rois,) = messages.read([[carrier]], secret, alone=True).opened()
        else:
            rois = [roi for _, roi in detection.boxes_by_frame(boxes, 1, *rgb.shape[:2])[0]]
        return frame.reconstruct_frames([rgb], [rois], decoder)[0], rois

    return _convert(public, target, written, restore, lambda carrier, rois: True, overwrite)


def inspect_image(public, *, secret=None):
    """What a public picture carries: messages.Contents of one frame. See `video.inspect_video`."""
    return messages.read([[_read(public)[2]]], secret, alone=True)


def deidentify_folder(
    source,
    target,
    encoder,
    detector,
    *,
    seed=None,
    secret=None,
    profile="png",
    method=None,
    overwrite=False,
    progress=None,
):
    """Writes the public version of every picture in a folder and its subfolders, under the same name.

    A picture that fails is reported and the others are still done; for it nothing is written.

    Args:
        source: path of the folder; in it, files that are not READABLE are left out.
        target: path of the folder for the results, made if need be.
        encoder, detector, secret, method, overwrite: as in `deidentify_image`; boxes of frame k are for picture k by
            path.
        seed: int >= 0 for repeatable files; picture k uses seed + k, so that nobody gets one virtual face twice.
        profile: str, "png" or "jpeg": what is written.
        progress: callable `(stage, done, total)`, after each picture.

    Returns:
        FolderResult.

    Raises:
        UUNetError: before anything is done, if the folders cannot be used as asked.
    """
    (written,) = profiles.named(profiles.PICTURES, profile)
    profiles.carrying(written, method)
    plan = _plan(source, target, written.suffixes[0], overwrite)
    if not callable(detector):
        _check_pictures_exist(detector, plan)

    def one(k, picture, result):
        found = detector if callable(detector) else {0: detector.get(k, [])}
        own_seed = None if seed is None else seed + k
        return deidentify_image(
            picture, result, encoder, found, seed=own_seed, secret=secret, method=method, overwrite=overwrite
        )

    return _each(source, plan, one, progress, "de-identify")


def reconstruct_folder(public, target, decoder, *, secret=None, boxes=None, overwrite=False, progress=None):
    """Writes the original faces back into every public picture of a folder, as .png; see `deidentify_folder`."""
    plan = _plan(public, target, ".png", overwrite)
    if boxes is not None:
        _check_pictures_exist(boxes, plan)

    def one(k, picture, result):
        own = None if boxes is None else {0: boxes.get(k, [])}
        return reconstruct_image(picture, result, decoder, secret=secret, boxes=own, overwrite=overwrite)

    return _each(public, plan, one, progress, "reconstruct")


def _check_pictures_exist(boxes, plan):
    if boxes and max(boxes) >= len(plan):
        raise ImageError(
            f"There is a head box for picture {max(boxes)} but the last one is {len(plan) - 1}: count from 0."
        )


def read(path):
    """A picture, upright.

    Returns:
        uint8 `(H, W, 3)`, RGB; and its transparency, uint8 `(H, W)`, or None.

    Raises:
        ImageError: if the file is missing, damaged, not a picture, holds several, or has more than 8 bits a colour.
    """
    return _read(path)[:2]


def _read(path):
    """What `read` returns, and the carrier, as `messages.read` wants it."""
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
    rgb = np.ascontiguousarray(bgr[..., ::-1])
    as_written = data.startswith(jpeg.START) and orientation == 1  # boxes are counted in the picture as it lies there
    return rgb, alpha, messages.Jpeg(rgb, data) if as_written else rgb


def _orientation(data):
    """The EXIF orientation, int.

    Raises:
        OSError: if a JPEG is cut off (OpenCV 4 fills what is missing with grey, silently), or has so many scans that it
            was made to keep readers busy: each costs as much as a whole picture, and may be 10 bytes long.
    """
    if data.startswith(jpeg.START) and data.count(jpeg.SCAN) > 100 + len(data) // 1000:
        raise OSError("too many scans")
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


def _convert(source, target, profile, change, survives, overwrite):
    """Reads, changes, writes, reads again and compares.

    Args:
        change: callable `(rgb, carrier) -> (rgb or bytes of the file, rois)`.
        survives: callable `(carrier, rois) -> bool`.
    """
    rgb, alpha, carrier = _read(source)
    if alpha is not None and profile.name == profiles.JPEG.name:
        if alpha.min() < 255:
            raise ImageError(f"{source} is partly transparent, which JPEG cannot be: write a .png file.")
        alpha = None
    with new_file(target, source, overwrite=overwrite) as part:
        changed, rois = change(rgb, carrier)
        if profile.name == profiles.JPEG.name:
            data = changed if isinstance(changed, bytes) else jpeg.encode(changed)
        else:
            bgr = changed[..., ::-1]
            image = np.ascontiguousarray(bgr if alpha is None else np.dstack([bgr, alpha]))
            data = cv2.imencode(".png", image)[1].tobytes()
        part.write_bytes(data)
        again, _, carrier = _read(part)
        if profile.exact and not np.array_equal(again, changed) or not survives(carrier, rois):
            raise ImageError(f"{target} {profiles.not_survived(profile)}")
    return len(rois)


def _plan(source, target, suffix, overwrite):
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
            result = target / picture.relative_to(source).with_suffix(suffix)
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
