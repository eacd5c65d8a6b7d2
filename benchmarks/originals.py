"""Sealed originals beside the learned reversal: size, time and quality of each mode in each kind of file.

    python -m benchmarks.originals [CLIP] [--frames 30]            each mode in each kind of file
    python -m benchmarks.originals_codecs [CLIP] [--frames 20]     reversal after copies, remuxes and transcodes
    python -m benchmarks.originals_tracks [CLIP] [--frames 30]     pictures of heads against small videos of heads
    python -m benchmarks.originals_page                            the tables, into docs/sealed-originals.md

Each writes a record, docs/sealed-originals/NAME-CLIP.json. CLIP is a video, or "large": a synthetic clip of 1280 x 720,
the bundled clip enlarged 1.5 times and continued by its own left edge. The default is the bundled clip. Heads are found
once by MTCNN; all modes get the same boxes. Times are CPU seconds of the process, and of one thread for sealing and
embedding; the record has wall times, too.
"""

import functools
import itertools
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any
from unittest import mock

import av
import cv2
import numpy as np
import typer
from skimage.metrics import structural_similarity
from sklearn.metrics import roc_auc_score

from uunet import metrics, pipeline, presets, video_samples
from uunet.boxes import detection
from uunet.boxes.box_file import GivenBoxes
from uunet.boxes.types import Clip, GivenBox, rois_of
from uunet.errors import UUNetError
from uunet.evaluation.judges import dlib
from uunet.media import envelopes, video_reading, video_writing, views
from uunet.pipeline import frame, sealed, sealing
from uunet.stego import jpeg
from uunet.training import provenance
from uunet.wire import keys, messages

FOLDER = Path(__file__).parents[1] / "docs" / "sealed-originals"
One = Annotated[str, typer.Argument(metavar="CLIP", help='A video, or "large".')]
Frames = Annotated[int, typer.Option(min=2, help="Frames of the clip, from its middle.")]
Out = Annotated[Path, typer.Option(help="Folder of the record.")]
LARGE, BUNDLED = "large", str(video_samples.WALK)
ALIKE = 0.6  # dlib's distance of two faces of one person, at most
JUDGED = 24  # heads per clip that the recogniser sees
SIDE = 128  # pixels, of these heads

# What sealing and embedding cost: the time inside these functions, nested ones once. Hiding the boxes of a learned file
# is there, too.
COSTS = (
    (sealing.Publisher, "_pictures"), (sealing.Publisher, "_seal"), (sealing.Publisher, "_carried"),
    (envelopes, "in_pixels"), (views, "of_rgb"), (jpeg, "blocks"), (jpeg, "with_segment"),
    (video_writing.Attaching, "ready"), (video_writing, "_check_attached"), (messages, "hide"),
)  # fmt: skip


NAMES = {"modes": "originals", "codecs": "originals_codecs", "tracks": "originals_tracks"}  # record -> module


@dataclass(frozen=True)
class Case:
    """A clip to publish."""

    name: str
    path: Path  # the frames, lossless
    x: list[np.ndarray]
    heads: Clip
    detecting: tuple[float, float]  # seconds per frame of detection and tracking: wall, CPU

    @property
    def boxes(self) -> GivenBoxes:
        return GivenBoxes({k: [GivenBox(*head) for head in heads] for k, heads in enumerate(self.heads)})

    @property
    def n_heads(self) -> int:
        return sum(map(len, self.heads))


@dataclass(frozen=True)
class Mode:
    """A way to publish a clip."""

    name: str
    suffix: str
    reversal: str = "sealed"
    quality: str = "high"
    sidecar: bool = False
    weights: str = "twin-cctv"
    crf: int | None = None


MODES = (
    *(Mode("none", suffix, "none") for suffix in (".webm", ".mkv", ".mp4", ".mov")),
    *(Mode("learned", suffix, "learned") for suffix in (".webm", ".mp4")),
    *(Mode("high", suffix) for suffix in (".webm", ".mkv", ".mp4", ".mov")),
    Mode("high, sidecar", ".mp4", sidecar=True),
    *(Mode("exact", suffix, quality="exact") for suffix in (".webm", ".mkv", ".mp4", ".mov")),
    Mode("exact, sidecar", ".mp4", quality="exact", sidecar=True),
)  # fmt: skip


# Clips.


def prepared(name: str, count: int, folder: Path) -> Case:
    """`count` consecutive frames from the middle of a clip, and their heads."""
    source = video_samples.WALK if name == LARGE else Path(name)
    with video_reading.opened(source) as clip:
        total = sum(1 for _ in clip.frames())
    first = max(0, (total - count) // 2)
    with video_reading.opened(source) as clip:
        x = [one.rgb for one in itertools.islice(clip.frames(), first, first + count)]
    if name == LARGE:
        x = [_large(one) for one in x]
    x = [np.ascontiguousarray(one[: one.shape[0] // 2 * 2, : one.shape[1] // 2 * 2]) for one in x]
    path = folder / f"{source.stem}-{name == LARGE}.mkv"
    write(path, x, "ffv1", "bgr0", {})
    detect = detection.mtcnn()
    detect(x[0])  # compiles
    start, cpu = time.perf_counter(), time.process_time()
    heads = detection.tracked_heads([x], detect)
    seconds = (time.perf_counter() - start) / len(x), (time.process_time() - cpu) / len(x)
    return Case(LARGE if name == LARGE else source.name, path, x, heads, seconds)


def _large(rgb):
    wide = cv2.resize(rgb, None, fx=1.5, fy=1.5, interpolation=cv2.INTER_CUBIC)  # 960 x 720
    return np.concatenate([wide, wide[:, :320]], axis=1)


def write(path: Path, frames: list[np.ndarray], codec: str, pixel_format: str, options: dict[str, str]) -> None:
    """Encodes frames, 25 per second."""
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream(codec, rate=25, options=options)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixel_format
        for rgb in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=pixel_format)))
        out.mux(stream.encode(None))


# Publishing and restoring.


@dataclass
class Stopwatch:
    """Seconds inside some functions: wall, and CPU of this thread."""

    wall: float = 0.0
    cpu: float = 0.0
    inside: bool = field(default=False, repr=False)

    def timing(self, function: Callable) -> Callable:
        @functools.wraps(function)
        def timed(*arguments, **options):
            if self.inside:
                return function(*arguments, **options)
            self.inside, wall, cpu = True, time.perf_counter(), time.thread_time()
            try:
                return function(*arguments, **options)
            finally:
                self.wall += time.perf_counter() - wall
                self.cpu += time.thread_time() - cpu
                self.inside = False

        return timed


@contextmanager
def stopwatch() -> Iterator[Stopwatch]:
    """A context in which the functions of COSTS are timed."""
    watch = Stopwatch()
    with ExitStack() as stack:
        for owner, name in COSTS:
            stack.enter_context(mock.patch.object(owner, name, watch.timing(getattr(owner, name))))
        yield watch


@functools.cache
def weights(name: str) -> presets.Preset:
    """A preset; its networks are loaded once."""
    return presets.load(name)


def publish(case: Case, mode: Mode, folder: Path, identity: keys.AuthorityKey) -> tuple[Path, Path | None, Any]:
    """The public file, its sidecar if it has one, and the pipeline.VideoResult."""
    public = folder / f"public{mode.suffix}"
    beside = folder / "public.originals" if mode.sidecar else None
    options = pipeline.PublicOptions(
        seed=0, overwrite=True, reversal=mode.reversal, crf=mode.crf, quality=mode.quality, sidecar=beside,
        recipients=(identity.public,) if mode.reversal == "sealed" else (),
    )  # fmt: skip
    encoder = weights(mode.weights).encoder
    return public, beside, pipeline.deidentify_video(case.path, public, encoder, case.boxes, options)


def restore(public: Path, beside: Path | None, mode: Mode, identity: keys.AuthorityKey, anyway: bool = False) -> Any:
    """Writes r.mkv beside the public file; the pipeline.VideoResult."""
    target = public.with_name("r.mkv")
    if mode.reversal == "learned":
        decoder = weights(mode.weights).decoder
        return pipeline.reconstruct_video(public, target, decoder, pipeline.RestoreOptions(overwrite=True))
    options = pipeline.RestoreOptions(overwrite=True, identity=identity, sidecar=beside, accept_altered=anyway)
    return pipeline.restore_video(public, target, options)


def quality(case: Case, r: list[np.ndarray]) -> dict[str, float]:
    """PSNR and SSIM of the pixels that belong to the heads, means over heads; the largest change there and outside."""
    psnr, ssim, inside, outside, changed = [], [], 0, 0, []
    for x, again, rois in zip(case.x, r, rois_of(case.heads), strict=True):
        difference = np.abs(x.astype(int) - again)
        around = np.ones(x.shape[:2], bool)
        for roi, mask in zip(rois, frame.owned(rois), strict=True):
            error = frame.crop(difference, roi)[mask]
            inside = max(inside, int(error.max(initial=0)))
            with np.errstate(divide="ignore"):
                psnr.append(min(10 * np.log10(255**2 / np.square(error).mean()), metrics.HIGHEST))
            pair = [frame.crop(one, roi) for one in (x, again)]
            if min(mask.shape) >= 7:  # the window of SSIM
                ssim.append(structural_similarity(*pair, channel_axis=2, full=True)[1][mask].mean())
            frame.crop(around, roi)[:] = False
        outside = max(outside, int(difference[around].max(initial=0)))
        changed.append(np.mean(difference[around] > 0))
    return {"psnr": float(np.mean(psnr)), "ssim": float(np.mean(ssim)), "inside": inside, "outside": outside,
            "changed_outside": float(np.mean(changed))}  # fmt: skip


# Each mode in each kind of file.


def measure_mode(case: Case, mode: Mode, folder: Path, identity: keys.AuthorityKey) -> tuple[dict, dict]:
    """A row of the record; the frames a and r by name."""
    with stopwatch() as watch:
        cpu = time.process_time()
        public, beside, made = publish(case, mode, folder, identity)
        cpu = time.process_time() - cpu
    n = len(case.x)
    wall, whole_wall, whole_cpu = sum(made.seconds.values()) / n, case.detecting[0], case.detecting[1] + cpu / n
    whole_wall += wall
    row = {
        "mode": mode.name, "file": mode.suffix, "bytes": public.stat().st_size,
        "sidecar_bytes": beside.stat().st_size if beside else 0, "notes": list(made.notes),
        "sealing_ms": {"wall": 1000 * watch.wall / n, "cpu": 1000 * watch.cpu / n},
        "pipeline_ms": {"wall": 1000 * wall, "cpu": 1000 * cpu / n},
        "with_detection_ms": {"wall": 1000 * whole_wall, "cpu": 1000 * whole_cpu},
        "share_with_boxes": {"wall": watch.wall / n / wall, "cpu": watch.cpu / cpu},
        "share": {"wall": watch.wall / n / whole_wall, "cpu": watch.cpu / n / whole_cpu},
    }  # fmt: skip
    if mode.reversal == "none":
        return row, {}
    cpu = time.process_time()
    undone = restore(public, beside, mode, identity)
    row["restore_ms"] = {
        "wall": 1000 * sum(undone.seconds.values()) / n, "cpu": 1000 * (time.process_time() - cpu) / n,
    }  # fmt: skip
    if mode.reversal == "sealed":
        found = sealed.inspect(public, pipeline.RestoreOptions(identity=identity, sidecar=beside))
        row["envelopes"] = found.bytes
        row["per_head_and_frame"] = found.bytes / case.n_heads
        row["altered"] = len(found.altered)
    r = video_reading.read_frames(public.with_name("r.mkv"))
    row |= {"r": quality(case, r)}
    versions = {"r": r} if mode.suffix == ".webm" else {}
    if mode.name == "high" and versions:
        versions["a"] = video_reading.read_frames(public)
    return row, {f"{name}, {mode.name}": version for name, version in versions.items()}


def identity_of(case: Case, versions: dict[str, list[np.ndarray]]) -> dict[str, dict]:
    """How alike dlib finds each version of the heads and x."""
    heads = [(k, track, roi) for k, some in enumerate(case.heads) for track, roi in some]
    chosen = [heads[k] for k in sorted(set(np.linspace(0, len(heads) - 1, JUDGED).astype(int)))]
    tracks = np.array([track for _, track, _ in chosen])
    seen = {}
    for name, frames in {"x": case.x, **versions}.items():
        crops = [frame.crop(frames[k], roi) for k, _, roi in chosen]
        seen[name] = dlib.judge(
            np.stack([cv2.resize(one, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for one in crops])
        )
    originals_seen, known = seen["x"]
    result = {}
    for name, (embeddings, found) in seen.items():
        distances = np.linalg.norm(embeddings[:, None] - originals_seen[None], axis=-1)
        both = found[:, None] & known[None]
        other = both & ~np.eye(len(chosen), dtype=bool)
        genuine = tracks[:, None] == tracks[None]
        own = np.diag(distances)[np.diag(both)]
        pairs = genuine[other]
        area = float(roc_auc_score(pairs, -distances[other])) if pairs.any() and not pairs.all() else None
        result[name] = {
            "heads": len(chosen), "found": float(found.mean()), "auc": area,
            "distance": float(own.mean()) if own.size else None,
            "alike": float(np.mean(own <= ALIKE)) if own.size else None,
        }  # fmt: skip
    return result


def modes(case: Case, folder: Path, identity: keys.AuthorityKey) -> dict:
    rows, versions = [], {}
    learned = Mode("learned", ".mkv", "learned")
    restore(*publish(case, learned, folder, identity)[:2], learned, identity)  # compiles
    for mode in MODES:
        try:
            row, frames = measure_mode(case, mode, folder, identity)
        except UUNetError as error:
            rows.append({"mode": mode.name, "file": mode.suffix, "refused": str(error)})
            continue
        rows.append(row)
        versions |= frames
        typer.echo(f"{case.name}: {mode.name} {mode.suffix}, {row['bytes']:,} bytes", err=True)
    return {"rows": rows, "identity": identity_of(case, versions)}


def write_record(name: str, measure: Callable, clip: str, frames: int, out: Path) -> None:
    """Measures a clip, and writes OUT/NAME-CLIP.json.

    Args:
        name: a key of NAMES.
        measure: callable `(Case, folder, AuthorityKey) -> dict`.
        clip, frames, out: arguments of the command.
    """
    begin = time.perf_counter()
    provenance.commit()  # remembered from here on: the checkout may change while this runs
    with tempfile.TemporaryDirectory() as folder:
        case = prepared(clip, frames, Path(folder))
        sides = [side for rois in rois_of(case.heads) for roi in rois for side in roi[2:]]
        if not sides:
            raise typer.BadParameter(f"no head was found in the middle of {clip}")
        height, width = case.x[0].shape[:2]
        found = {
            "name": case.name, "frames": len(case.x), "height": height, "width": width, "heads": case.n_heads,
            "sides": [min(sides), max(sides)], "detecting": case.detecting,
            "tracks": len({track for heads in case.heads for track, _ in heads}),
            **measure(case, Path(folder), keys.generate()),
        }  # fmt: skip
    made = provenance.made(0, time.perf_counter() - begin) | {
        "command": f"python -m benchmarks.{NAMES[name]} {case.name} --frames {frames}",
        "load": os.getloadavg()[1],
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{name}-{Path(case.name).stem}.json").write_text(json.dumps(found | {"provenance": made}, indent=1) + "\n")


def main(clip: One = BUNDLED, frames: Frames = 30, out: Out = FOLDER) -> None:
    """Measures each mode in each kind of file: bytes, time, PSNR, SSIM, identity."""
    write_record("modes", modes, clip, frames, out)


if __name__ == "__main__":
    typer.run(main)
