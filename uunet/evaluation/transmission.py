"""What happens to heads outside of the networks: ROIs of other sizes, JPEG files, H.264 streams."""

import cv2
import numpy as np

from uunet.channel import video_codec

MARGIN = 16  # pixels around a head in a mosaic
COLUMNS = 16  # heads in a row of a mosaic


def seen(heads: np.ndarray, side: int) -> np.ndarray:
    """Heads as a camera would have them in a ROI of `side` pixels: uint8 `(N, side, side, 3)`."""
    if heads.shape[1] == side:
        return heads
    method = cv2.INTER_AREA if side < heads.shape[1] else cv2.INTER_CUBIC
    return np.stack([cv2.resize(head, (side, side), interpolation=method) for head in heads])


def through_jpeg(heads: np.ndarray, quality: int) -> np.ndarray:
    """Heads after a JPEG file each, baseline with 4:2:0: uint8 `(N, side, side, 3)` -> the same; quality 1 to 100."""
    result = np.empty_like(heads)
    for k, head in enumerate(heads):
        file = cv2.imencode(".jpg", head[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        decoded = cv2.imdecode(file, cv2.IMREAD_COLOR)
        assert decoded is not None  # the file was made here
        result[k] = decoded[..., ::-1]
    return result


def through_h264(heads: np.ndarray, sequences: np.ndarray, frames: np.ndarray, crf: int, seed: int) -> np.ndarray:
    """Heads after the stream of an .mp4 public file: the encoder, options and 4:2:0 of `profiles.H264`.

    Each sequence stands still at a random place of its own in one mosaic, its edges continued around it; it runs for
    one group of frames, and the last head stays where the sequence is shorter. No message is hidden.

    Args:
        heads: uint8 `(N, side, side, 3)`, ROIs.
        sequences, frames: int `(N,)`, whose order within a sequence is that of `frames`.
        crf: int in 1..51.
        seed: int, of the places.

    Returns:
        uint8 `(N, side, side, 3)`.
    """
    side = heads.shape[1]
    cell = side + MARGIN
    order = np.lexsort((frames, sequences))
    clips = np.split(order, np.flatnonzero(np.diff(sequences[order])) + 1)
    corners = np.random.default_rng(seed).integers(0, MARGIN + 1, (len(clips), 2))
    grid = [cell * np.array(divmod(k, COLUMNS)) for k in range(len(clips))]
    height = cell * -(-len(clips) // COLUMNS)
    result = np.empty_like(heads)
    longest = max(map(len, clips))
    for first in range(0, longest, video_codec.GROUP):
        mosaics = np.zeros((min(video_codec.GROUP, longest - first), height + height % 2, cell * COLUMNS, 3), np.uint8)
        for clip, (top, left), (y, x) in zip(clips, corners, grid, strict=True):
            around = (top, MARGIN - top, left, MARGIN - left)
            for t, mosaic in enumerate(mosaics):
                head = heads[clip[min(first + t, len(clip) - 1)]]
                mosaic[y : y + cell, x : x + cell] = cv2.copyMakeBorder(head, *around, cv2.BORDER_REPLICATE)
        decoded = video_codec.round_trip(mosaics, crf)
        for clip, (top, left), (y, x) in zip(clips, corners, grid, strict=True):
            for t, head in enumerate(clip[first : first + video_codec.GROUP]):
                result[head] = decoded[t][y + top : y + top + side, x + left : x + left + side]
    return result
