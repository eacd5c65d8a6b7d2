"""Which hidden messages survive what: LSB matching, JPEG coefficients and robust DCT hiding, on clips and pictures.

    python benchmarks/survival.py [CLIP ...] [--frames 200] [--out docs/survival.md]

The tables say which share of messages is read back exactly. Messages are those of 2 and of 12 heads, not sealed: one
per frame (LSB, JPEG), or one packed message per group of 10 frames (DCT). The default clip is the bundled one. Pictures
are 20 of scikit-image's and 10 frames of the bundled clip, at 768 x 576. If the package `stegano` is installed, its
sequential LSB hiding is measured, too. Needs about 10 minutes per clip.
"""

import base64
import functools
import io
import itertools
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NamedTuple

import av
import cv2
import numpy as np
import typer
from PIL import Image
from skimage import data as skimage_data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from tabulate import tabulate

from uunet import video_samples
from uunet.boxes.types import Roi
from uunet.errors import UUNetError
from uunet.media import profiles, video_reading
from uunet.stego import jpeg, lsb, qim
from uunet.wire import messages, protocol

try:
    from stegano import lsb as stegano_lsb
except ImportError:
    stegano_lsb = None

HEADS = (2, 12)
QUALITY = 90  # of the JPEG files that JPEG coefficients are hidden in
PICTURES = (
    "astronaut brick camera cell chelsea chessboard_RGB clock_motion coffee coins color grass gravel ihc moon "
    "motorcycle_left motorcycle_right page text rocket retina"
).split()
PROTOTYPE = {  # our first sketch, in plain NumPy, on vtest.avi with texts of 24 and 180 bytes: PSNR in dB, times in ms
    "LSB": ("88.1", "80.6", "0.1 / 0.1"),
    "JPEG": ("68.4", "61.9", "26 / 11"),
    "DCT": ("45.0", "40.8", "24 to 31 / 2 to 3"),
}
order = messages.ORDER


# What is done to frames: list of uint8 (H, W, 3) -> the same.


def encoded(codec, **options):
    """Through a lossy codec in 8-bit 4:2:0."""

    def through(frames):
        buffer = io.BytesIO()
        with av.open(buffer, "w", format="matroska") as container:
            stream = container.add_stream(codec, rate=25, options={k.replace("_", "-"): v for k, v in options.items()})
            stream.height, stream.width, stream.pix_fmt = *frames[0].shape[:2], "yuv420p"
            for frame in frames:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            container.mux(stream.encode(None))
        buffer.seek(0)
        with av.open(buffer) as container:
            return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]

    return through


def each(change):
    return lambda frames: [change(frame) for frame in frames]


def compressed(frame, quality):
    return cv2.imdecode(as_jpeg(frame, quality), cv2.IMREAD_COLOR)[..., ::-1]


def as_jpeg(frame, quality):
    return cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]


def halved(frame):
    half = cv2.resize(frame, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return cv2.resize(half, frame.shape[1::-1], interpolation=cv2.INTER_CUBIC)


def lossless(frames):
    return frames


STILL = {
    "the file itself": None,
    "PNG": lossless,
    **{f"JPEG {q}": each(functools.partial(compressed, quality=q)) for q in (95, 90, 75, 50, 30)},
    "half size and back": each(halved),
    "brightness + 10": each(lambda frame: cv2.add(frame, (10, 10, 10, 0))),
    "gain x 1.2": each(lambda frame: cv2.convertScaleAbs(frame, alpha=1.2)),
    "1 row and column cropped": each(lambda frame: frame[1:, 1:].copy()),
    "5 rows and columns cropped": each(lambda frame: frame[2:-3, 4:-1].copy()),
}
MOVING = {
    **{f"H.264 crf {crf}": encoded("libx264", **profiles.H264.options | {"crf": str(crf)}) for crf in (18, 23, 28)},
    "H.264 crf 28, other key frames": encoded("libx264", crf="28"),
    "VP9 crf 31": encoded("libvpx-vp9", crf="31", b="0", deadline="good", cpu_used="4"),
    "H.265 crf 28": encoded("libx265", crf="28", x265_params="log-level=none"),
}


# Ways to hide: `hide(frames, message, rois)` gives a carrier for each frame of a group, `frame(carrier)` its pixels,
# `reveal(carriers, length)` the message; carriers that were changed on the way arrive as frames.


class Way(NamedTuple):
    name: str
    group: int
    packed: bool
    hide: Callable
    frame: Callable
    reveal: Callable
    capacity: Callable


def hide_lsb(frames, message, rois):
    return [lsb.hide(frames[0], message)]


def reveal_lsb(frames, length):
    return lsb.reveal(frames[0], length)


def hide_jpeg(frames, message, rois):
    hide = functools.partial(lsb.hide, payload=message, key=bytes(32), limits=jpeg.LIMITS)
    return [jpeg.rewrite(as_jpeg(frames[0], QUALITY).tobytes(), hide)]


def reveal_jpeg(carriers, length):
    carrier = carriers[0]
    data = carrier if isinstance(carrier, bytes) else as_jpeg(carrier, QUALITY).tobytes()
    return lsb.reveal(jpeg.carriers(data), length, key=bytes(32))


def jpeg_frame(carrier):
    return cv2.imdecode(np.frombuffer(carrier, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def hide_stegano(frames, message, rois):
    return [np.asarray(stegano_lsb.hide(Image.fromarray(frames[0]), base64.b85encode(message).decode()))]


def reveal_stegano(frames, length):
    return base64.b85decode(stegano_lsb.reveal(Image.fromarray(frames[0])))


def hide_dct(frames, message, rois):
    return qim.hide(frames, message, order, avoid=rois)


def reveal_dct(frames, length):
    return qim.reveal(frames, order)


def itself(frame):
    return frame


def by_shape(capacity):
    return lambda frame: capacity(frame.shape)


WAYS = [
    Way("LSB", 1, False, hide_lsb, itself, reveal_lsb, by_shape(lsb.capacity)),
    Way("JPEG", 1, False, hide_jpeg, jpeg_frame, reveal_jpeg, by_shape(jpeg.capacity)),
    Way("DCT", messages.GROUP, True, hide_dct, itself, reveal_dct, by_shape(qim.capacity)),
]
OTHERS = [Way("stegano", 1, False, hide_stegano, itself, reveal_stegano, by_shape(lsb.capacity))] if stegano_lsb else []


def heads(shape, count):
    """`count` heads of about 40 pixels in a row across the frame."""
    height, width = shape[:2]
    return [Roi(k * width // count, height * 2 // 5, min(40, width // count), 46) for k in range(count)]


def measure(way, frames, rois, channels, group):
    """{row of the table: text}, for one way to hide the message of some heads."""
    starts = range(0, len(frames), group)
    layout = protocol.Layout(frames=group, last=False, packed=way.packed)
    texts = [protocol.pack_frame_message(rois, k, layout)[0] for k in starts]
    before, carriers, hide_times, reveal_times = [], [], [], []
    for first, text in zip(starts, texts, strict=True):
        some = frames[first : first + group]
        start = time.perf_counter()
        carriers += way.hide(some, text, rois)
        hide_times.append((time.perf_counter() - start) / len(some))
        before += [compressed(frame, QUALITY) if isinstance(carriers[-1], bytes) else frame for frame in some]
    after = [way.frame(carrier) for carrier in carriers]
    few = slice(None, None, max(1, len(frames) // 5))
    ssim = [structural_similarity(a, b, channel_axis=2) for a, b in zip(before[few], after[few], strict=True)]
    psnr = [peak_signal_noise_ratio(a, b) for a, b in zip(before, after, strict=True)]
    rows = {"PSNR, mean (least), dB": f"{np.mean(psnr):.1f} ({min(psnr):.1f})", "SSIM": f"{np.mean(ssim):.4f}"}
    for name, channel in channels.items():
        received = channel(after) if channel else carriers
        right = 0
        for first, text in zip(starts, texts, strict=True):
            start = time.perf_counter()
            try:
                right += way.reveal(received[first : first + group], len(text)) == text
            except (UUNetError, IndexError, ValueError):  # the last two are stegano's
                pass
            if channel is None:
                reveal_times.append((time.perf_counter() - start) / group)
        rows[name] = f"{100 * right / len(texts):.0f} %"
        print(f"{way.name}, {len(rois)} heads, {name}: {rows[name]}", file=sys.stderr)
    rows["hide / reveal, ms per frame"] = f"{1e3 * np.median(hide_times):.1f} / {1e3 * np.median(reveal_times):.1f}"
    return rows


def columns(frames, channels, *, video):
    """{name of a column: {row: text}} of one clip, or of separate pictures."""
    results = {}
    for way in WAYS + OTHERS:
        room = min(way.capacity(frame) for frame in frames[:: max(1, len(frames) // 5)])
        for count in HEADS:
            rois = heads(frames[0].shape, count)
            length = protocol.message_length(rois, sealed=False, packed=way.packed)
            rows = {"bytes": f"{length} of {room:,}"}
            if length <= room:
                rows |= measure(way, frames, rois, channels, way.group if video else 1)
            results[f"{way.name}, {count} heads"] = rows
    return results


def markdown(columns: dict[str, dict[str, str]]) -> str:
    """A table; "-" where a message does not fit."""
    names = max(columns.values(), key=len)
    rows = [[name, *(column.get(name, "-") for column in columns.values())] for name in names]
    return tabulate(rows, ["", *columns], tablefmt="github", disable_numparse=True)


def beside_the_prototype(columns: dict[str, dict[str, str]]) -> str:
    """A table: the prototype's figures beside those of `columns`."""
    rows = []
    for name, (few, many, times) in PROTOTYPE.items():
        two, twelve = (columns[f"{name}, {count} heads"] for count in HEADS)
        psnr, speed = "PSNR, mean (least), dB", "hide / reveal, ms per frame"
        rows.append([name, two[psnr], few, twelve.get(psnr, "-"), many, two[speed], times])
    header = ["", "PSNR, 2 heads", "prototype", "12 heads", "prototype", "hide / reveal, ms per frame", "prototype"]
    return tabulate(rows, header, tablefmt="github", disable_numparse=True)


def pictures():
    """30 frames of 768 x 576: each picture is scaled until it covers that, and its middle cut out."""
    folder = Path(skimage_data.__file__).parent
    found = [next(path for path in folder.iterdir() if path.stem == name) for name in PICTURES]
    images = [cv2.imread(str(path), cv2.IMREAD_COLOR)[..., ::-1] for path in found]
    images += list(video_reading.read_frames(video_samples.WALK))[::6]
    frames = []
    for image in images:
        scale = max(768 / image.shape[1], 576 / image.shape[0])
        smooth = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        larger = cv2.resize(image, None, fx=scale, fy=scale, interpolation=smooth)
        top, left = (larger.shape[0] - 576) // 2, (larger.shape[1] - 768) // 2
        frames.append(np.ascontiguousarray(larger[top : top + 576, left : left + 768]))
    return frames


def first_frames(path, count):
    """list of uint8 `(H, W, 3)`."""
    with av.open(str(path)) as container:
        decoded = itertools.islice(container.decode(video=0), count)
        return [frame.to_ndarray(format="rgb24") for frame in decoded]


def main(
    clips: Annotated[
        list[Path] | None, typer.Argument(metavar="[CLIP]...", help="Videos; by default the bundled clip.")
    ] = None,
    frames: Annotated[int, typer.Option(min=1, help="The most frames of each clip.")] = 200,
    out: Annotated[Path | None, typer.Option(help="A Markdown file, which is replaced; by default print.")] = None,
) -> None:
    """Measures which hidden messages survive what: LSB matching, JPEG coefficients and robust DCT hiding."""
    paths = clips or [video_samples.WALK]
    named = " ".join(path.name for path in paths)
    parts = [
        f"Made by `python benchmarks/survival.py {named}`: the share of messages read back exactly.\n"
        f"DCT in clips: one message for {messages.GROUP} frames. JPEG: whatever was changed is saved at quality "
        f"{QUALITY} again to be read. H.264: as the profile writes it, a key frame at the start of each group; other "
        "codecs put theirs where they like."
    ]
    for path in paths:
        clip = first_frames(path, frames)
        height, width = clip[0].shape[:2]
        parts.append(f"`{path.name}`, {len(clip)} frames of {width} x {height}:")
        found = columns(clip, STILL | MOVING, video=True)
        parts.append(markdown(found))
        if path == paths[0]:
            parts.append(f"`{path.name}` beside our prototype (100 frames of `vtest.avi`, on another computer):")
            parts.append(beside_the_prototype(found))
    parts += ["30 pictures of 768 x 576:", markdown(columns(pictures(), STILL, video=False))]
    text = "\n\n".join(parts) + "\n"
    if out:
        out.write_text(text)
    else:
        print(text)


if __name__ == "__main__":
    typer.run(main)
