"""Arrays in, new arrays out: heads cut out, changed by `engine`, pasted back, their boxes hidden (section III-D).

Where boxes overlap, a pixel belongs to the head in whose box it lies closest to the middle (`owned`): U_e changes what
is in the middle of its box, and leaves the face of somebody at its edge as it was. All heads are cropped before any is
pasted, and of each only its own pixels are pasted; so, too, in reconstruction.
"""

import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from uunet.boxes import detection
from uunet.boxes.box_file import GivenBoxes
from uunet.boxes.types import Clip, Roi, rois_of
from uunet.wire import crypto, messages

if TYPE_CHECKING:  # reading public files needs no network
    import keras

    from uunet import engine

FEW = 64  # heads of a frame, up to which it is fastest to compare each with each


@dataclass(frozen=True)
class Publisher:
    """Makes the public frames of one file: call it with all of them, in order."""

    deidentifier: "engine.Deidentifier"  # so that a person keeps one virtual face
    seal: crypto.Seal | None = None  # None if anybody can read the boxes
    method: str | None = messages.LSB  # how the boxes are hidden: messages.LSB, QIM or JPEG; None: no boxes are hidden

    attach = None  # H.264: the frames carry nothing beside their pictures

    def __call__(self, frames: Sequence[np.ndarray], tracked: Clip, first_index: int = 0, last: bool = True) -> list:
        """Public versions of consecutive frames; their heads go through U_e together.

        Args:
            frames: list of uint8 `(H, W, 3)`, RGB; not modified.
            tracked: list (frames) of lists of TrackedBox; their order is that of the message. With messages.QIM, whole
                groups with boxes of `motion.carry`.
            first_index: int, the number of the first of these frames in the clip.
            last: bool, whether the clip ends with these frames.

        Returns:
            list of uint8 `(H, W, 3)`; with messages.JPEG, list of bytes, each a JPEG file.

        Raises:
            RoiError, MessageError, CapacityError: before anything is computed.
        """
        if self.method is None:
            return drawn(frames, tracked, self.deidentifier)
        rois = rois_of(tracked)
        for frame, boxes in zip(frames, rois, strict=True):
            messages.check_fits(boxes, frame.shape, method=self.method, sealed=self.seal is not None)
        public = drawn(frames, tracked, self.deidentifier)
        return messages.hide(public, rois, first_index=first_index, last=last, seal=self.seal, method=self.method)

    def notes(self) -> list[str]:
        """What the user should read."""
        return []


def new_publisher(
    encoder: Any, seed: int | None, secret: bytes | str | None, method: str | None = messages.LSB
) -> Publisher:
    """The Publisher of a new file.

    Args:
        encoder: U_e, as `engine.Deidentifier` takes it.
        seed: int >= 0; None draws a fresh one: with a fixed one, a person would get the same virtual face in every
            clip, and could be linked.
        secret: bytes (32) or str, see `crypto`; None for no seal.
        method: see `Publisher`.

    Raises:
        UUNetError: if `encoder` is not an encoder, or `secret` cannot be used.
    """
    deidentifier = new_deidentifier(encoder, seed)
    return Publisher(deidentifier, None if secret is None else crypto.new_seal(secret), method)


def new_deidentifier(encoder: Any, seed: int | None, *, hides: bool = True) -> "engine.Deidentifier":
    """The Deidentifier of a new file.

    Args:
        encoder, seed: see `new_publisher`.
        hides: bool, whether U_e hides x in what it draws.

    Raises:
        engine.ModelError: if `encoder` is not an encoder, cannot draw without hiding x, or cannot hide x.
    """
    from uunet import engine

    if hides and engine.draws_unseen(encoder):
        raise engine.ModelError(
            "These weights draw without seeing the head, so nothing of it is hidden in what they draw: seal the "
            "originals (--recipient FILE.pub), or leave them out (--reversal none)."
        )
    if not hides and not engine.draws_alone(encoder):
        raise engine.ModelError(
            "These weights hide the original in every head that they draw: for sealed originals, or none, use weights "
            "that draw first and hide then, such as twin-cctv."
        )
    seed = secrets.randbits(64) if seed is None else seed
    return engine.Deidentifier(encoder, seed, output="a" if hides else "t", steady=True, grain=True)


def deidentify(
    frame: np.ndarray,
    encoder: "keras.Model",
    detector: Callable | GivenBoxes,
    *,
    seed: int | None = None,
    secret: bytes | str | None = None,
) -> np.ndarray:
    """The public version of one picture: virtual faces, and their boxes hidden in the pixels.

    Args:
        frame: uint8 `(H, W, 3)`, RGB; not modified.
        encoder: keras.Model U_e, as `engine.Deidentifier` takes it.
        detector: callable frame -> faces, or `box_file.GivenBoxes`: see `detection`.
        seed: int >= 0 for a repeatable result; None draws a fresh one.
        secret: bytes (32) or str, see `crypto`, to seal the boxes with; None for boxes that anybody can read.

    Returns:
        uint8 `(H, W, 3)`; outside the heads it differs from `frame` by at most one level, or two if it is sealed.

    Raises:
        UUNetError: if the frame is too small for its message or `encoder` is not an encoder.
    """
    publisher = new_publisher(encoder, seed, secret)
    return publisher([frame], detection.tracked_heads([[frame]], detector))[0]


def reconstruct(public: np.ndarray, decoder: "keras.Model", *, secret: bytes | str | None = None) -> np.ndarray:
    """The original faces back in one public picture: needs nothing but its pixels and U_d.

    Args:
        public: uint8 `(H, W, 3)`, RGB, exactly as written; not modified.
        decoder: keras.Model U_d, `(N, S, S, 3)` -> `(N, S, S, 3)` in [0, 1].
        secret: bytes (32) or str, with which the boxes were sealed; None if they were not.

    Returns:
        uint8 `(H, W, 3)`; outside the heads it is `public`.

    Raises:
        UUNetError: if the picture carries no intact message or `decoder` is not a decoder.
    """
    return reconstruct_frames([public], messages.read([[public]], secret, alone=True).opened(), decoder)[0]


def meet(deidentifier: "engine.Deidentifier", frames: Iterable[np.ndarray], tracked: Clip) -> None:
    """Shows an `engine.Deidentifier` the first heads of each track, before any of them is de-identified.

    A group of frames may hold fewer of them than the choice of a virtual person is made from: those of a track that
    begins at the group's end, or whose boxes are far apart. So they are collected in a pass of their own. It ends with
    the last frame that is needed, and there is none where U_e is not told a person.

    Args:
        deidentifier: engine.Deidentifier.
        frames: iterable of uint8 `(H, W, 3)`, RGB: the clip from its first frame on.
        tracked: list (frames) of lists of TrackedBox, as detected.
    """
    if not deidentifier.chooses:
        return
    from uunet import engine

    count, wanted = Counter(), []
    for heads in tracked:
        wanted.append([head for head in heads if count[head[0]] < engine.FIRST_HEADS])
        count.update(track_id for track_id, _ in wanted[-1])
    while wanted and not wanted[-1]:
        wanted.pop()
    crops, tracks = [], []
    for heads, frame in zip(wanted, frames, strict=False):  # reads no further than the last frame that is wanted
        for track_id, roi in heads:
            crops.append(crop(frame, roi).copy())  # a view would keep the frame in memory
            tracks.append(track_id)
        if len(crops) >= engine.HEADS_AT_ONCE:
            deidentifier.meet(crops, tracks)
            crops, tracks = [], []
    deidentifier.meet(crops, tracks)


def crop(frame: np.ndarray, roi: Roi) -> np.ndarray:
    """The pixels under a box: a view of the frame."""
    x, y, w, h = roi
    return frame[y : y + h, x : x + w]


def drawn(frames: Sequence[np.ndarray], tracked: Clip, deidentifier: "engine.Deidentifier") -> list[np.ndarray]:
    """New frames with the heads that U_e draws, and nothing hidden beside them; arguments as in `Publisher`."""
    rois = rois_of(tracked)
    tracks = [track_id for heads in tracked for track_id, _ in heads]
    if deidentifier.unseen:
        from uunet.pipeline import surroundings

        return _pasted(frames, rois, surroundings.drawn(frames, rois, tracks, deidentifier))
    return _pasted(frames, rois, deidentifier(_crops(frames, rois), tracks))


def reconstruct_frames(
    public_frames: Sequence[np.ndarray], rois: list[list[Roi]], decoder: "keras.Model"
) -> list[np.ndarray]:
    """The original faces back in some public frames; their heads go through U_d together.

    Args:
        public_frames: list of uint8 `(H, W, 3)`, RGB, exactly as written; not modified.
        rois: list (frames) of lists of Roi, as `messages.read` gives them.
        decoder: keras.Model U_d.

    Returns:
        list of uint8 `(H, W, 3)`.

    Raises:
        ModelError: before anything is computed.
    """
    from uunet import engine

    reidentifier = engine.Reidentifier(decoder)
    return _pasted(public_frames, rois, reidentifier(_crops(public_frames, rois)))


def _crops(frames, rois):
    """The pixels under all boxes, frame by frame."""
    return [crop(frame, roi) for frame, boxes in zip(frames, rois, strict=True) for roi in boxes]


def _pasted(frames, rois, heads):
    """New frames with a version of each head pasted in; `heads`: list of uint8 `(h, w, 3)`, frame by frame."""
    result, heads = [frame.copy() for frame in frames], iter(heads)
    for frame, boxes in zip(result, rois, strict=True):
        for roi, mask in zip(boxes, owned(boxes), strict=True):
            crop(frame, roi)[mask] = next(heads)[mask]
    return result


def owned(rois: Sequence[Roi]) -> list[np.ndarray]:
    """Which pixels of each box are its own: those that lie deeper in it than in any other box of the frame.

    How far a pixel is from the middle of a box, 0, to its edge, 1; of boxes in which it is as far, the first has it:

        max(|2 column + 1 - 2 x - w| / w, |2 row + 1 - 2 y - h| / h)

    Args:
        rois: list of Roi, those of a frame.

    Returns:
        list of bool `(h, w)`.
    """
    if len(rois) > FEW:
        return _owned_of_many(rois)
    far = [_far_from_middle(roi.w, roi.h) for roi in rois]
    masks = [np.ones(one.shape, bool) for one in far]
    for j, one in enumerate(rois):
        for k, other in enumerate(rois[:j]):
            left, top = max(one.x, other.x), max(one.y, other.y)
            right, bottom = min(one.x + one.w, other.x + other.w), min(one.y + one.h, other.y + other.h)
            if left < right and top < bottom:
                in_one = np.s_[top - one.y : bottom - one.y, left - one.x : right - one.x]
                in_other = np.s_[top - other.y : bottom - other.y, left - other.x : right - other.x]
                nearer = far[j][in_one] < far[k][in_other]
                masks[j][in_one] &= nearer
                masks[k][in_other] &= ~nearer
    return masks


def _owned_of_many(rois):
    """The same, from a map of the frame: its time does not grow with the number of pairs."""
    size = max(roi.y + roi.h for roi in rois), max(roi.x + roi.w for roi in rois)
    nearest, owner = np.full(size, np.inf), np.full(size, -1)
    for k, roi in enumerate(rois):
        far = _far_from_middle(roi.w, roi.h)
        nearer = far < crop(nearest, roi)
        crop(nearest, roi)[nearer] = far[nearer]
        crop(owner, roi)[nearer] = k
    return [crop(owner, roi) == k for k, roi in enumerate(rois)]


def _far_from_middle(w, h):
    columns, rows = (abs(2 * np.arange(side) + 1 - side) / side for side in (w, h))
    return np.maximum(rows[:, None], columns)  # (h, w)
