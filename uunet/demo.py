"""De-identifies and reconstructs the bundled clip, measures the result and draws a sheet of example frames.

It does so twice: with the reversal "learned", as lossless video, and with sealed originals, as H.264. Weights that
draw without seeing have the latter only.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from uunet import atomic, engine, metrics, pipeline, presets, video_samples
from uunet.boxes import detection
from uunet.boxes.box_file import GivenBoxes
from uunet.boxes.types import GivenBox, Roi, rois_of
from uunet.config import DEFAULT_WEIGHTS
from uunet.media import video_reading
from uunet.wire import keys

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
        out: Path of a folder for `public.webm`, `reconstructed.mkv`, `sealed.mp4`, `restored.mkv` and `sheet.png`;
            existing ones are replaced. The key pair for the sealed file is `authority.key` there, or made anew.
        weights: preset or folder, see `presets.load`.
        seed: seed of the noise channel.
        progress: callable `(stage, done, total or None)`; None to report nothing.

    Returns:
        list of str, one line per measurement.
    """
    net = presets.load(weights)
    atomic.make_folder(out)
    x = video_reading.read_frames(video_samples.WALK)
    if net.unseen:
        rois = rois_of(detection.tracked_heads([x], detection.mtcnn()))
        versions, lines = (
            {},
            ["learned:                     not shown, because these weights hide nothing in what they draw"],
        )
    else:
        rois, versions, lines = _learned(out, net, x, seed, progress)
    sealed_lines = ["sealed originals:            not shown, because these weights hide x in every head that they draw"]
    if engine.draws_alone(net.encoder):
        sealed_versions, sealed_lines = _sealed(out, net, x, rois, seed, progress)
        versions |= sealed_versions
    write_sheet(out / "sheet.png", {"x": x} | versions, rois)
    return [*lines, *sealed_lines]


def _learned(out, net, x, seed, progress):
    """Publishes the clip with U_e and reconstructs it with U_d: boxes, both versions of its frames, and lines."""
    public, restored = out / "public.webm", out / "reconstructed.mkv"
    how = pipeline.PublicOptions(seed=seed, overwrite=True)
    made = pipeline.deidentify_video(video_samples.WALK, public, net.encoder, detection.mtcnn(), how, progress)
    undone = pipeline.reconstruct_video(
        public, restored, net.decoder, pipeline.RestoreOptions(overwrite=True), progress
    )
    rois = pipeline.inspect_video(public).opened()
    a, r = (video_reading.read_frames(path) for path in (public, restored))
    outside = max(_largest_change_outside(*frames) for frames in zip(x, a, rois, strict=True))
    psnr = {"r": _faces_psnr(x, r, rois), "a": _faces_psnr(x, a, rois)}
    lines = [
        f"heads found:                 {made.heads} in {made.frames} frames, {made.tracks} people",
        f"frames without a head:       {made.frames_without_heads}",
        f"PSNR of faces, x | r:        {psnr['r']:.2f} dB  (original against reconstructed: high is good)",
        f"PSNR of faces, x | a:        {psnr['a']:.2f} dB  (original against public)",
        f"largest change outside:      {outside} level(s) of 255",
        f"public file:                 {made.bytes:,} bytes; the clip itself {video_samples.WALK.stat().st_size:,}",
        f"de-identified:               {_speed(made)}",
        f"reconstructed:               {_speed(undone)}",
        f"written:                     {public}, {restored}, {out / 'sheet.png'}",
    ]
    return rois, {"a, learned": a, "r, learned": r}, lines


def _sealed(out, net, x, rois, seed, progress):
    """Publishes the clip with sealed originals and opens them: both versions of its frames, and lines about them."""
    key = out / "authority.key"
    if key.exists():
        identity = keys.load_authority(key)
    else:
        identity = keys.generate()
        keys.save_authority(identity, key)
    boxes = GivenBoxes({k: [GivenBox(None, roi) for roi in some] for k, some in enumerate(rois)})
    public, restored = out / "sealed.mp4", out / "restored.mkv"
    how = pipeline.PublicOptions(seed=seed, overwrite=True, recipients=(identity.public,))
    made = pipeline.deidentify_video(video_samples.WALK, public, net.encoder, boxes, how, progress)
    options = pipeline.RestoreOptions(overwrite=True, identity=identity)
    undone = pipeline.restore_video(public, restored, options, progress)
    a, r = (video_reading.read_frames(path) for path in (public, restored))
    return {"a, sealed": a, "r, sealed": r}, [
        "The same with sealed originals, as H.264:",
        f"PSNR of faces, x | r:        {_faces_psnr(x, r, rois):.2f} dB  (the original heads, encrypted in the stream)",
        f"PSNR of faces, x | a:        {_faces_psnr(x, a, rois):.2f} dB",
        f"public file:                 {made.bytes:,} bytes",
        f"de-identified:               {_speed(made)}, with the boxes found above",
        f"restored:                    {_speed(undone)}",
        f"written:                     {public}, {restored}, {key} (opens it)",
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


def write_sheet(path: Path, versions: dict[str, Frames], rois: Boxes) -> None:
    """Writes a PNG: one frame in all versions, and below it faces of SHOWN, one row per version.

    Args:
        path: PNG to write.
        versions: name -> list of uint8 `(H, W, 3)`, the versions of a clip, the original first.
        rois: list (frames) of lists of Roi.
    """
    original = next(iter(versions.values()))
    shown = [k for k in SHOWN if k < len(original)]
    faces = [(k, roi) for k in shown for roi in rois[k]]
    heights = 2.6, 1.05 * len(versions)
    figure = Figure(figsize=(15, sum(heights)), dpi=100, layout="constrained")
    top, bottom = figure.subfigures(2, 1, squeeze=False, height_ratios=heights)[:, 0]
    middle = len(original) // 2
    for axis, (name, frames) in zip(top.subplots(1, len(versions)), versions.items(), strict=True):
        axis.imshow(frames[middle])
        axis.set_title(f"{name}: frame {middle}", fontsize=11)
        axis.axis("off")
        for roi in rois[middle]:
            axis.add_patch(Rectangle((roi.x, roi.y), roi.w, roi.h, fill=False, edgecolor="white", linewidth=0.8))
    axes = bottom.subplots(len(versions), max(1, len(faces)), squeeze=False)
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
    for row, (name, frames) in zip(axes, versions.items(), strict=True):
        row[0].set_ylabel(name.replace(", ", ",\n"), rotation=0, labelpad=28, fontsize=10, va="center")
        for axis, (k, roi) in zip(row, faces, strict=False):
            axis.imshow(_crop(frames[k], roi))
    for axis, (k, _) in zip(axes[0], faces, strict=False):
        axis.set_title(f"frame {k}", fontsize=9)
    figure.savefig(path)
