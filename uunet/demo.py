"""De-identifies and reconstructs the bundled clip, measures the result and draws a sheet of example frames."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from uunet import atomic, metrics, pipeline, presets, video_samples
from uunet.boxes import detection
from uunet.boxes.types import Roi
from uunet.config import DEFAULT_WEIGHTS
from uunet.media import video_reading

SHOWN = (5, 25, 45, 58)  # frames of the clip whose faces the sheet shows
Frames = list[np.ndarray]  # uint8 (H, W, 3) each
Boxes = list[list[Roi]]  # per frame


def run(
    out: Path,
    weights: str = DEFAULT_WEIGHTS,
    *,
    seed: int = 0,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> list[str]:
    """De-identifies and reconstructs `video_samples.WALK`.

    Args:
        out: Path of a folder for `public.webm`, `reconstructed.mkv` and `sheet.png`; existing ones are replaced.
        weights: preset or folder, see `presets.load`.
        seed: seed of the noise channel.
        progress: callable `(stage, done, total or None)`; None to report nothing.

    Returns:
        list of str, one line per measurement.
    """
    net = presets.load(weights)
    atomic.make_folder(out)
    public, restored = out / "public.webm", out / "reconstructed.mkv"
    how = pipeline.PublicOptions(seed=seed, overwrite=True)
    made = pipeline.deidentify_video(video_samples.WALK, public, net.encoder, detection.mtcnn(), how, progress)
    undone = pipeline.reconstruct_video(
        public, restored, net.decoder, pipeline.RestoreOptions(overwrite=True), progress
    )
    rois = pipeline.inspect_video(public).opened()
    x, a, r = (video_reading.read_frames(path) for path in (video_samples.WALK, public, restored))
    faces_psnr = {"x|r": _faces_psnr(x, r, rois), "x|a": _faces_psnr(x, a, rois)}
    write_sheet(out / "sheet.png", x, a, r, rois)
    outside = max(_largest_change_outside(*frames) for frames in zip(x, a, rois, strict=True))
    return [
        f"heads found:                 {made.heads} in {made.frames} frames, {made.tracks} people",
        f"frames without a head:       {made.frames_without_heads}",
        f"PSNR of faces, x | r:        {faces_psnr['x|r']:.2f} dB  (original against reconstructed: high is good)",
        f"PSNR of faces, x | a:        {faces_psnr['x|a']:.2f} dB  (original against public)",
        f"largest change outside:      {outside} level(s) of 255",
        f"public file:                 {made.bytes:,} bytes; the clip itself {video_samples.WALK.stat().st_size:,}",
        f"de-identified:               {_speed(made)}",
        f"reconstructed:               {_speed(undone)}",
        f"written:                     {public}, {restored}, {out / 'sheet.png'}",
    ]


def _speed(result: Any) -> str:
    stages = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in result.seconds.items())
    return f"{result.frames / sum(result.seconds.values()):.1f} frames/s ({stages})"


def _crop(frame: np.ndarray, roi: Roi) -> np.ndarray:
    return frame[roi.y : roi.y + roi.h, roi.x : roi.x + roi.w]


def _faces_psnr(frames: Frames, others: Frames, rois: Boxes) -> float:
    """PSNR of the pixels inside a head's box, in dB: the mean over all heads."""
    values = [
        metrics.psnr(_crop(frame, roi)[None], _crop(other, roi)[None])
        for frame, other, boxes in zip(frames, others, rois, strict=True)
        for roi in boxes
    ]
    return float(np.mean(values)) if values else float("nan")


def _largest_change_outside(frame: np.ndarray, other: np.ndarray, rois: list[Roi]) -> int:
    """The largest difference of pixels outside all boxes, in levels of 255."""
    outside = np.ones(frame.shape[:2], bool)
    for roi in rois:
        _crop(outside, roi)[:] = False
    return int(np.abs(frame.astype(int) - other)[outside].max(initial=0))


def write_sheet(path: Path, x: Frames, a: Frames, r: Frames, rois: Boxes) -> None:
    """Writes a PNG: one frame as original | public | reconstructed, and below it faces of SHOWN, one row per version.

    Args:
        path: PNG to write.
        x, a, r: lists of uint8 `(H, W, 3)`, the three versions of a clip.
        rois: list (frames) of lists of Roi.
    """
    titles = ("original  x", "public  a", "reconstructed  r")
    shown = [k for k in SHOWN if k < len(x)]
    faces = [(k, roi) for k in shown for roi in rois[k]]
    figure = Figure(figsize=(15, 4.4 + 3.2), dpi=100, layout="constrained")
    top, bottom = figure.subfigures(2, 1, squeeze=False, height_ratios=[4.4, 3.2])[:, 0]
    middle = len(x) // 2
    for axis, title, frames in zip(top.subplots(1, 3), titles, (x, a, r), strict=True):
        axis.imshow(frames[middle])
        axis.set_title(f"{title}, frame {middle}", fontsize=12)
        axis.axis("off")
        for roi in rois[middle]:
            axis.add_patch(Rectangle((roi.x, roi.y), roi.w, roi.h, fill=False, edgecolor="white", linewidth=0.8))
    axes = bottom.subplots(3, max(1, len(faces)), squeeze=False)
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
    for column, (k, roi) in enumerate(faces):
        for axis, frames in zip(axes[:, column], (x, a, r), strict=True):
            axis.imshow(_crop(frames[k], roi))
        axes[0, column].set_title(f"frame {k}", fontsize=9)
    for axis, name in zip(axes[:, 0], "xar", strict=True):
        axis.set_ylabel(name, rotation=0, labelpad=10, fontsize=12)
    figure.savefig(path)
