"""Real lossy video encoders in memory: for frames, and for heads without frames around them."""

from collections.abc import Sequence
from fractions import Fraction

import cv2
import numpy as np

GROUP = 10  # frames from one keyframe to the next
GRID = 16  # pixels, side of a macroblock
RATE = 25  # frames per second
THREADS = 4  # x264's bytes depend on this number; with a fixed one the same frames give the same file

# A keyframe at the start of each group, and only there, so that no message of the group before is visible in this one.
# Without x264's mbtree: its result varies between runs where the width is not a multiple of 32, and a seed should
# repeat the file.
H264 = {"g": str(GROUP), "keyint_min": str(GROUP), "sc_threshold": "0", "mbtree": "0"}
VP9 = {"g": str(GROUP), "b": "0", "deadline": "realtime", "cpu-used": "6"}
CODECS = {"h264": ("libx264", H264), "vp9": ("libvpx-vp9", VP9)}  # name of the decoder -> encoder and its options


def round_trip(frames: Sequence[np.ndarray] | np.ndarray, crf: int, *, name: str = "h264") -> np.ndarray:
    """Consecutive frames, encoded in 8-bit 4:2:0 and decoded.

    Args:
        frames: uint8 `(T, H, W, 3)`, RGB, H and W even.
        crf: int, quality: 1..51 for "h264", 0..63 for "vp9"; higher is worse.
        name: str, of `CODECS`.

    Returns:
        uint8 `(T, H, W, 3)`; for "h264" bit-identical to the decoded public .mp4 of these frames at 25 per second.
    """
    import av  # here, because training without video encoders in its channel does not need it

    codec, options = CODECS[name]
    encoder, decoder = av.CodecContext.create(codec, "w"), av.CodecContext.create(name, "r")
    assert isinstance(encoder, av.VideoCodecContext) and isinstance(decoder, av.VideoCodecContext)
    encoder.height, encoder.width = frames[0].shape[:2]
    encoder.pix_fmt, encoder.time_base, encoder.framerate = "yuv420p", Fraction(1, 1000), Fraction(RATE)
    encoder.options = {"crf": str(crf), **options}
    encoder.thread_count = THREADS
    decoder.thread_count = 1
    packets = []
    for k, rgb in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
        frame = frame.reformat(format="yuv420p", threads=1)  # more threads take longer to start than to convert
        frame.pts, frame.time_base = k * 1000 // RATE, encoder.time_base
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    decoded = [frame for packet in [*packets, None] for frame in decoder.decode(packet)]
    return np.stack([frame.to_ndarray(format="rgb24", threads=1) for frame in decoded])


def canvas_side(n: int) -> int:
    """The least multiple of GRID that holds n pixels wherever they begin inside the first macroblock."""
    return -(-(n + GRID - 1) // GRID) * GRID


def heads_round_trip(faces: np.ndarray, crf: int, *, corner: tuple[int, int], name: str = "h264") -> np.ndarray:
    """One head in consecutive frames, encoded as if it had been pasted into a video, and decoded.

    The edges of the head continue around it. The result is about the same as for a head pasted into the frames of the
    bundled clip (`docs/channel.md`).

    Args:
        faces: uint8 `(T, h, w, 3)`, RGB: ROIs of one person. Use one call per person, because the encoder predicts a
            frame from those before.
        crf, name: as in `round_trip`.
        corner: (top, left), ints in 0..15, where the head begins in the grid of macroblocks: sample them at random.

    Returns:
        uint8 `(T, h, w, 3)`.
    """
    (top, left), (h, w) = corner, faces.shape[1:3]
    bottom, right = canvas_side(h) - h - top, canvas_side(w) - w - left
    pasted = [cv2.copyMakeBorder(face, top, bottom, left, right, cv2.BORDER_REPLICATE) for face in faces]
    return round_trip(pasted, crf, name=name)[:, top : top + h, left : left + w]
