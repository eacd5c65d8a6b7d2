"""What sealed originals need from a public frame: the bytes of its envelope, and a view of the frame.

A view is what every reader of the file decodes alike, without what hiding changes. Digests of heads are taken of it.
It is a list of `(array, step)`. An array covers the whole frame, with one entry for each `step` x `step` pixels:

    RGB                   [(rgb >> 1, 1)]             the lowest bits may carry the envelope
    H.264                 [(Y, 1), (U, 2), (V, 2)]    8 bit; the step is 1 in 4:4:4
    JPEG, Motion JPEG     [(Y, 8), (Cb, 8), (Cr, 8), ...]  blocks of coefficients, and their quantisation tables
                                                      (`stego.jpeg.blocks`)

Every frame has a view. One in a form that no public file has (10 bit, 4:2:2, progressive JPEG) is seen as RGB. It was
encoded again after its publication, so the digests of its heads differ, as they should.
"""

from functools import partial

import av
import numpy as np

from uunet.media import sei
from uunet.stego import jpeg, lsb
from uunet.stego.jpeg import JpegError
from uunet.wire import envelope, protocol

View = list[tuple[np.ndarray, int]]

CHROMA_STEPS = {"yuv420p": 2, "yuvj420p": 2, "yuv444p": 1, "yuvj444p": 1}  # by pixel format


def of_rgb(rgb: np.ndarray) -> View:
    """The view of uint8 `(H, W, 3)`."""
    return [(rgb >> 1, 1)]


def of_planes(decoded: av.VideoFrame) -> View | None:
    """The view of a decoded frame of H.264, read-only and not copied; None if its pixel format is not ours."""
    chroma = CHROMA_STEPS.get(decoded.format.name)
    if chroma is None:
        return None
    view = []
    for plane, step in zip(decoded.planes, (1, chroma, chroma), strict=True):
        rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
        rows.flags.writeable = False  # the decoder predicts later frames from it
        view.append((rows[:, : plane.width], step))
    return view


def of_jpeg(data: bytes) -> View | None:
    """The view of a JPEG file; None if it is not of the kind that `stego.jpeg` writes."""
    try:
        return jpeg.blocks(data)
    except JpegError:
        return None


def reader(rgb: np.ndarray, *, file: bytes | None = None, decoded: av.VideoFrame | None = None) -> protocol.Reader:
    """Reads the envelope of a frame, from wherever it is.

    Args:
        rgb: uint8 `(H, W, 3)`, whose lowest bits are read if there is nothing else.
        file: the JPEG file of the frame, if it is one: its APP9 segments.
        decoded: the frame of H.264, if it is one: its SEI message.
    """
    content = jpeg.segment(file) if file is not None else None
    if decoded is not None:
        content = sei.find(decoded)
    return partial(lsb.reveal, rgb) if content is None else envelope.Content(content)
