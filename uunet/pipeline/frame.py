"""Arrays in, new arrays out: heads through U_e or U_d, pasted back, their boxes hidden in the pixels (section III-D).

Where boxes overlap, a pixel belongs to the head in whose box it lies closest to the middle (`owned`): U_e changes what
is in the middle of its box, and leaves the face of somebody at its edge as it was. All heads are cropped before any is
pasted, and of each only its own pixels are pasted; so, too, in reconstruction.
"""

import secrets

import numpy as np

from uunet import channel, pixels
from uunet.boxes import detection
from uunet.boxes.types import rois_of
from uunet.errors import UUNetError
from uunet.models import twin
from uunet.wire import crypto, messages

HEADS_AT_ONCE = 64  # heads in one network call, to bound memory


class ModelError(UUNetError):
    """A network is not the one the step needs."""


def fresh_seed():
    """A random seed: with a fixed one, a person would get the same virtual face in every clip, and could be linked."""
    return secrets.randbits(64)


def deidentify(frame, encoder, detector, *, seed=None, secret=None):
    """The public version of one picture: virtual faces, and their boxes hidden in the pixels.

    Args:
        frame: uint8 `(H, W, 3)`, RGB; not modified.
        encoder: keras.Model U_e, `(N, S, S, 4)` -> `(N, S, S, 3)` in [0, 1].
        detector: callable frame -> faces, or `box_file.GivenBoxes`: see `detection`.
        seed: int >= 0 for a repeatable result; None draws a fresh one.
        secret: bytes (32) or str, see `keys`, to seal the boxes with; None for boxes that anybody can read.

    Returns:
        uint8 `(H, W, 3)`; outside the heads it differs from `frame` by at most one level, or two if it is sealed.

    Raises:
        UUNetError: if the frame is too small for its message or `encoder` is not an encoder.
    """
    seed = fresh_seed() if seed is None else seed
    heads = detection.tracked_heads([[frame]], detector)
    return deidentify_frames([frame], heads, encoder, seed=seed, seal=new_seal(secret))[0]


def reconstruct(public, decoder, *, secret=None):
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


def new_seal(secret):
    """The seal of a new file, or None where there is no secret."""
    return None if secret is None else crypto.new_seal(secret)


def deidentify_frames(
    frames, tracked, encoder, *, seed, held=None, first_index=0, last=True, seal=None, method=messages.LSB
):
    """Public versions of consecutive frames; their heads go through U_e together.

    Args:
        frames: list of uint8 `(H, W, 3)`, RGB; not modified.
        tracked: list (frames) of lists of TrackedBox; their order is that of the message.
        encoder: keras.Model U_e.
        seed: int >= 0; with it, a track's noise is the same in all calls.
        held: dict track -> its 4th channel, filled here where a track first appears: with the same dict in all calls of
            a clip a person keeps one virtual face, also where U_e chooses it by what it sees; None for a single call.
        first_index: int, the number of the first of these frames in the clip.
        last, seal, method: see `messages.hide`; messages.QIM wants whole groups with boxes of `motion.carry`.

    Returns:
        list of uint8 `(H, W, 3)`; with messages.JPEG, list of bytes, each a JPEG file.

    Raises:
        RoiError, MessageError, CapacityError, ModelError: before anything is computed.
    """
    _check_model(encoder, 4)
    rois = rois_of(tracked)
    for frame, boxes in zip(frames, rois, strict=True):
        messages.check_fits(boxes, frame.shape, method=method, sealed=seal is not None)
    held = {} if held is None else held
    _hold(held, frames, tracked, encoder, seed)
    public = _paste_all(frames, rois, encoder, [held[track_id] for heads in tracked for track_id, _ in heads])
    return messages.hide(public, rois, first_index=first_index, last=last, seal=seal, method=method)


def reconstruct_frames(public_frames, rois, decoder):
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
    _check_model(decoder, 3)
    return _paste_all(public_frames, rois, decoder)


def _paste_all(frames, rois, model, noise=None):
    """New frames with `model`'s version of each head pasted in; `noise` is one 4th channel a head, for U_e."""
    size = model.input_shape[1]
    places = [(k, roi) for k, boxes in enumerate(rois) for roi in boxes]
    masks = [mask for boxes in rois for mask in owned(boxes)]
    result = [frame.copy() for frame in frames]
    for start in range(0, len(places), HEADS_AT_ONCE):
        chunk = places[start : start + HEADS_AT_ONCE]
        # `frames` are never written to, so every crop shows its frame before any paste
        crops = [_crop(frames[k], roi, size) for k, roi in chunk]
        if noise is not None:
            crops = np.concatenate([crops, noise[start : start + HEADS_AT_ONCE]], axis=-1)
        # predict_on_batch: 2 to 5 times as fast as calling the model (TensorFlow, 2 CPU cores); TensorFlow compiles it
        # once for all numbers of heads, JAX again for each new one
        faces = model.predict_on_batch(np.asarray(crops))
        for (k, (x, y, w, h)), mask, face in zip(chunk, masks[start : start + HEADS_AT_ONCE], faces, strict=True):
            result[k][y : y + h, x : x + w][mask] = channel.to_roi(np.asarray(face), h, w)[mask]
    return result


def owned(rois):
    """Which pixels of each box are its own: those that lie deeper in it than in any other box of the frame.

    How far a pixel is from the middle of a box, 0, to its edge, 1; of boxes in which it is as far, the first has it:

        max(|2 column + 1 - 2 x - w| / w, |2 row + 1 - 2 y - h| / h)

    Args:
        rois: list of Roi, those of a frame.

    Returns:
        list of bool `(h, w)`.
    """
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


def _far_from_middle(w, h):
    columns, rows = (abs(2 * np.arange(side) + 1 - side) / side for side in (w, h))
    return np.maximum(rows[:, None], columns)  # (h, w)


def _hold(held, frames, tracked, encoder, seed):
    """Adds the tracks that `held` lacks."""
    size, new = encoder.input_shape[1], {}
    for frame, heads in zip(frames, tracked, strict=True):
        for track_id, roi in heads:
            if track_id not in held:
                new.setdefault(track_id, []).append(_crop(frame, roi, size))
    for track_id, crops in new.items():
        noise = pixels.noise_channel(np.random.default_rng([seed, track_id]), size)
        held[track_id] = twin.held(encoder, np.stack(crops), noise)


def _crop(frame, roi, size):
    x, y, w, h = roi
    return channel.to_network(frame[y : y + h, x : x + w], size)


def _check_model(model, channels):
    expected = (model.input_shape[1], model.input_shape[1], channels)
    if model.input_shape[1:] != expected or model.output_shape[1:] != (*expected[:2], 3):
        role = "encoder takes RGB and noise, (S, S, 4)" if channels == 4 else "decoder takes RGB, (S, S, 3)"
        raise ModelError(
            f"The network maps {model.input_shape[1:]} to {model.output_shape[1:]} but the {role}, and returns "
            "(S, S, 3): give the other network."
        )
