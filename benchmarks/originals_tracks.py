"""Single pictures of heads, as sealed originals are, against one small video per head: bytes, PSNR and time.

    python -m benchmarks.originals_tracks [CLIP] [--frames 30] [--out docs/sealed-originals]

See `benchmarks.originals`. A video needs frames of one size: heads stand on a canvas of the largest one of their track,
whose edges are repeated.
"""

import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import typer

from benchmarks import originals
from benchmarks.originals import BUNDLED
from uunet import metrics
from uunet.boxes.types import Roi
from uunet.pipeline import frame, sealing
from uunet.wire import envelope, keys
from uunet.wire import originals as wire


def as_video(frames: list[np.ndarray], codec: str, decoder: str, options: dict[str, str]) -> tuple[int, list]:
    """Frames of one size through a codec in 4:4:4: the bytes, and the decoded frames."""
    encode: Any = av.CodecContext.create(codec, "w")
    decode: Any = av.CodecContext.create(decoder, "r")
    encode.height, encode.width = frames[0].shape[:2]
    encode.pix_fmt, encode.time_base, encode.framerate = "yuv444p", Fraction(1, 25), Fraction(25)
    encode.options = options
    packets = []
    for k, rgb in enumerate(frames):
        one = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv444p")
        one.pts, one.time_base = k, Fraction(1, 25)
        packets += encode.encode(one)
    packets += encode.encode(None)
    decoded = [one.to_ndarray(format="rgb24") for packet in [*packets, None] for one in decode.decode(packet)]
    return sum(packet.size for packet in packets), decoded


VIDEOS = {
    **{f"H.264 4:4:4, each frame alone, crf {crf}": ("libx264", "h264", {"crf": str(crf), "g": "1"})
       for crf in (14, 18)},
    **{f"H.264 4:4:4, groups of 30, crf {crf}": ("libx264", "h264", {"crf": str(crf), "g": "30"}) for crf in (14, 18)},
    **{f"VP9 4:4:4, groups of 30, crf {crf}":
       ("libvpx-vp9", "vp9", {"crf": str(crf), "b": "0", "g": "30", "deadline": "good", "cpu-used": "4"})
       for crf in (15, 25)},
}  # fmt: skip


def _track_frames(case: originals.Case) -> Iterator[tuple[list[np.ndarray], list[Roi]]]:
    """For each track, the crops of x on canvases of one size, edges repeated: list of (canvases, list of (w, h))."""
    found: dict[int, list[tuple[np.ndarray, Roi]]] = {}
    for rgb, heads in zip(case.x, case.heads, strict=True):
        for track, roi in heads:
            found.setdefault(track, []).append((frame.crop(rgb, roi), roi))
    for some in found.values():
        w, h = (-(-max(getattr(roi, side) for _, roi in some) // 16) * 16 for side in "wh")
        yield [np.pad(one, ((0, h - roi.h), (0, w - roi.w), (0, 0)), "edge") for one, roi in some], [r for _, r in some]


def tracks(case: originals.Case, folder: Path, identity: keys.AuthorityKey) -> dict:
    rows = []
    everything = list(_track_frames(case))
    count = sum(len(rois) for _, rois in everything)

    def row(name, coded):
        start, n_bytes, psnr = time.thread_time(), 0, []
        for canvases, rois in everything:
            length, decoded = coded(canvases, rois)
            n_bytes += length
            for x, again, roi in zip(canvases, decoded, rois, strict=True):
                pair = x[None, : roi.h, : roi.w], again[None, : roi.h, : roi.w]
                psnr.append(metrics.psnr(*pair)[0])
        rows.append({"name": name, "bytes": n_bytes / count, "psnr": float(np.mean(psnr)),
                     "ms": 1000 * (time.thread_time() - start) / count})  # fmt: skip

    def pictures(level):
        def coded(canvases, rois):
            files, shown = [], []
            for canvas, roi in zip(canvases, rois, strict=True):
                x = canvas[: roi.h, : roi.w]
                files.append(wire.picture(x, np.ones(x.shape[:2], bool), level))
                again = np.zeros_like(canvas)
                again[: roi.h, : roi.w] = wire.restored(files[-1], x.shape)
                shown.append(again)
            return sum(map(len, files)), shown

        return coded

    for level in (envelope.EXACT, *sealing.STEPS):
        row("WebP, lossless" if level == envelope.EXACT else f"WebP, quality {level}", pictures(level))
    for name, (codec, decoder, options) in VIDEOS.items():
        row(name, lambda canvases, rois, how=(codec, decoder, options): as_video(canvases, *how))
    return {"rows": rows, "tracks": len(everything)}


def main(clip: originals.One = BUNDLED, frames: originals.Frames = 30, out: originals.Out = originals.FOLDER) -> None:
    """Compares pictures of heads with small videos of heads."""
    originals.write_record("tracks", tracks, clip, frames, out)


if __name__ == "__main__":
    typer.run(main)
