"""What comes back after codecs: the learned reversal and sealed originals, after copies, remuxes and transcodes.

    python -m benchmarks.originals_codecs [CLIP] [--frames 20] [--out docs/sealed-originals]

See `benchmarks.originals`. The public file is an .mp4 of crf 23, 28 or 35; that of crf 23 goes through every channel.
"""

import functools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import typer

from benchmarks import originals
from benchmarks.originals import BUNDLED, Case, Mode
from uunet.errors import UUNetError
from uunet.media import profiles, video_reading, video_writing
from uunet.pipeline import sealed
from uunet.wire import keys

COLUMNS = (
    Mode("learned, twin-cctv", ".mp4", "learned"),
    Mode("learned, twin-cctv-robust", ".mp4", "learned", weights="twin-cctv-robust"),
    Mode("sealed in the stream", ".mp4"),
    Mode("sealed, sidecar", ".mp4", sidecar=True),
)


def h264(public: Path, target: Path, crf: int, size: Callable[[np.ndarray], np.ndarray] = lambda rgb: rgb) -> Path:
    """A transcode of the public file."""
    frames = [size(rgb) for rgb in video_reading.read_frames(public)]
    originals.write(target, frames, "libx264", "yuv420p", {"crf": str(crf)})
    return target


def as_jpeg(public: Path, target: Path, level: int) -> Path:
    """A transcode to Motion JPEG."""

    def change(frames, first):
        options = [cv2.IMWRITE_JPEG_QUALITY, level]
        return [cv2.imencode(".jpg", one.rgb[..., ::-1], options)[1].tobytes() for one in frames]

    video_writing.convert(public, target.with_suffix(".mov"), profiles.MJPEG, change, lambda done: None)
    return target.with_suffix(".mov")


def remuxed(public: Path, target: Path) -> Path:
    """.mp4 -> .mkv -> .ts -> .mp4, without encoding."""
    for suffix, container in ((".mkv", "matroska"), (".ts", "mpegts"), (".mp4", "mp4")):
        following = target.with_suffix(suffix)
        with av.open(str(public)) as read, av.open(str(following), "w", format=container) as out:
            stream = out.add_stream_from_template(read.streams.video[0])
            for packet in read.demux(video=0):
                if packet.size:  # the last one is empty
                    packet.stream = stream
                    out.mux(packet)
        public = following
    return public


def half(rgb: np.ndarray) -> np.ndarray:
    height, width = rgb.shape[:2]
    return cv2.resize(rgb, (width // 4 * 2, height // 4 * 2), interpolation=cv2.INTER_AREA)


def half_and_back(rgb: np.ndarray) -> np.ndarray:
    return cv2.resize(half(rgb), rgb.shape[1::-1], interpolation=cv2.INTER_CUBIC)


CHANNELS: dict[str, Callable[[Path, Path], Path]] = {
    "copy": lambda public, target: Path(shutil.copy(public, target)),
    "remux .mp4, .mkv, .ts, .mp4": remuxed,
    **{f"H.264 again, crf {crf}": functools.partial(h264, crf=crf) for crf in (18, 23, 28, 35, 40)},
    "Motion JPEG, quality 90": functools.partial(as_jpeg, level=90),
    "half size, H.264 crf 18": functools.partial(h264, crf=18, size=half),
    "half size and back, H.264 crf 18": functools.partial(h264, crf=18, size=half_and_back),
}


def reversed_after(case: Case, mode: Mode, received: Path, beside: Path | None, identity: keys.AuthorityKey) -> dict:
    """PSNR of r, or the sentence with which the program refuses."""

    def said(error):
        text = str(error).replace(str(received), "public.mp4")
        return text if beside is None else text.replace(str(beside), "the sidecar")

    result: dict[str, Any] = {}
    try:
        made = originals.restore(received, beside, mode, identity)
    except UUNetError as error:
        result["refused"] = said(error)
        if not isinstance(error, sealed.AlteredError):
            return result
        made = originals.restore(received, beside, mode, identity, anyway=True)
    result |= originals.quality(case, video_reading.read_frames(received.with_name("r.mkv")))
    return result | {"heads": made.heads, "altered": len(made.altered)}


def codecs(case: Case, folder: Path, identity: keys.AuthorityKey) -> dict:
    rows = []
    for crf in (23, 28, 35):
        for mode in COLUMNS:
            channels = CHANNELS if crf == 23 else {"copy": CHANNELS["copy"]}
            about = {"published_crf": crf, "mode": mode.name}
            try:
                public, beside, _ = originals.publish(case, Mode(**vars(mode) | {"crf": crf}), folder, identity)
            except UUNetError as error:
                text = f"Not published: {error}".replace(f"{folder}/", "")
                rows += [about | {"channel": name, "refused": text} for name in channels]
                continue
            for name, through in channels.items():
                received = through(public, folder / "received.mp4")
                rows.append(about | {"channel": name} | reversed_after(case, mode, received, beside, identity))
                typer.echo(f"{case.name}: {rows[-1]}", err=True)
    return {"rows": rows}


def main(clip: originals.One = BUNDLED, frames: originals.Frames = 20, out: originals.Out = originals.FOLDER) -> None:
    """Measures what comes back after codecs, learned and sealed."""
    originals.write_record("codecs", codecs, clip, frames, out)


if __name__ == "__main__":
    typer.run(main)
