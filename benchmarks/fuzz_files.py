"""Small public files with sealed originals, changed at random: what `fuzz` tries of each carrier.

A file shows 3 frames of 96 x 64 pixels with two heads, whose originals are exact. A trial changes it in one of two
ways: its bytes, as they are on the disk; or what is behind them, in a file that is otherwise whole (pixels, envelopes,
the order of the frames). Then everybody's `inspect`, the authority's `inspect` and `reconstruct` read it.
"""

import functools
import tempfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np

from uunet import pipeline
from uunet.boxes.types import Roi, TrackedBox
from uunet.errors import UUNetError
from uunet.media import envelopes, images, profiles, sei, video_writing
from uunet.pipeline import sealed, sealing
from uunet.stego import jpeg, lsb
from uunet.wire import envelope, keys, originals, sidecar

AUTHORITY = keys.generate()
N_FRAMES, HEIGHT, WIDTH = 3, 64, 96
FOLDER = tempfile.TemporaryDirectory(prefix="fuzz-")  # removed at the end of the program
SIDE = ".side"  # the suffix of a sidecar


class Published(NamedTuple):
    """A public file, and what has to come back."""

    files: dict[str, bytes]  # suffix -> the public file and, if there is one, its sidecar
    frames: list[np.ndarray]  # the originals
    heads: list[list[TrackedBox]]  # of each frame
    views: list  # of each public frame
    rgb: list[np.ndarray]  # of each public frame
    contents: list[bytes]  # the envelopes; [] if they are in the pixels
    opens: list[int]  # bytes in the open part of each envelope


def changed(data: bytes, rng: np.random.Generator, most: int = 4) -> bytes:
    """Bytes of which up to `most` pieces are changed, cut out or repeated."""
    result = bytearray(data)
    for _ in range(rng.integers(0, most + 1)):
        at, count = rng.integers(0, len(result) + 1), rng.integers(0, 40)
        stop = at + rng.choice([0, 1, count])
        result[at:stop] = rng.bytes(count) if rng.random() < 0.7 else result[at : at + count] * 2
    return bytes(result if rng.random() < 0.9 else result[: rng.integers(0, len(result) + 1)])


@functools.cache
def published(suffix: str, beside: bool) -> Published:
    """A public file with this suffix; `beside`: with a sidecar."""
    rng = np.random.default_rng(7)
    n_frames = 1 if suffix in images.READABLE else N_FRAMES
    y, x, _ = np.mgrid[:HEIGHT, :WIDTH, :1]
    frames = [(y + 2 * x + 9 * k + rng.integers(0, 4, (HEIGHT, WIDTH, 3))).astype(np.uint8) for k in range(n_frames)]
    heads = [[TrackedBox(1, Roi(8 + k, 12, 11, 13)), TrackedBox(4, Roi(60, 30, 12, 12))] for k in range(n_frames)]
    path, side = (Path(FOLDER.name, f"published{end}") for end in (suffix, SIDE))
    options = pipeline.PublicOptions(recipients=(AUTHORITY.public,), quality="exact", sidecar=side if beside else None)
    (profile,) = [one for one in (*profiles.VIDEOS, *profiles.PICTURES) if suffix in one.suffixes][:1]
    with side.open("wb") as file:
        publisher = sealing.Publisher(_Negatives(), options, profile, file if beside else None)
        if n_frames == 1:
            images.write(path, path, profile, publisher(frames, heads)[0])
        else:
            write_clip(path.with_stem("source").with_suffix(".mkv"), frames)

            def publish(some, first):
                stop = first + len(some)
                return publisher([one.rgb for one in some], heads[first:stop], first, stop == n_frames)

            source = path.with_stem("source").with_suffix(".mkv")
            video_writing.convert(source, path, profile, publish, lambda done: None, publisher.attach)
    public = list(envelopes.pictures(path))
    read = [one.envelope_reader for one in public]
    contents = list(sidecar.envelopes(side)) if beside else [one.data for one in read if hasattr(one, "data")]
    opens = [len(envelope.read_open(envelope.Content(one) if contents else one).data) for one in contents or read]
    files = {suffix: path.read_bytes()} | ({SIDE: side.read_bytes()} if beside else {})
    views = [[(array.copy(), step) for array, step in one.view] for one in public]
    return Published(files, frames, heads, views, [one.rgb for one in public], contents, opens)


class _Negatives:
    """Stands in for a `Deidentifier`."""

    unseen = False

    def __call__(self, crops: Iterable[np.ndarray], tracks: list[int]) -> list[np.ndarray]:
        return [255 - crop for crop in crops]


def write_clip(path: Path, frames: list[np.ndarray]) -> None:
    """A lossless video."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = *frames[0].shape[:2], "bgr0"
        for rgb in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="bgr0")))
        out.mux(stream.encode(None))


def try_carrier(suffix: str, beside: bool, rng: np.random.Generator) -> bool:
    """True if the originals come back, which they may where the changes do not touch them.

    Raises:
        AssertionError: if what comes back is not what was sealed, or is not reported, or if something is left over.
    """
    one = published(suffix, beside)
    with tempfile.TemporaryDirectory(dir=FOLDER.name) as folder:
        path, side = Path(folder, f"public{suffix}"), Path(folder, f"public{SIDE}") if beside else None
        for end, data in one.files.items():
            Path(folder, f"public{end}").write_bytes(data)
        if rng.random() < 0.5:
            target = side or path
            target.write_bytes(changed(target.read_bytes(), rng))
        else:
            _rewrite(one, path, side, rng)
        before = sorted(Path(folder).iterdir())
        anybody = pipeline.RestoreOptions(sidecar=side)
        owner = pipeline.RestoreOptions(identity=AUTHORITY, sidecar=side, accept_altered=bool(rng.random() < 0.5))
        _result(lambda: sealed.inspect(path, anybody))
        _result(lambda: (pipeline.inspect_image if one.frames[1:] == [] else pipeline.inspect_video)(path))
        checked = _result(lambda: sealed.inspect(path, owner))
        restored = path.with_name("restored.png" if one.frames[1:] == [] else "restored.mkv")
        restore = pipeline.restore_image if one.frames[1:] == [] else pipeline.restore_video
        result = _result(lambda: restore(path, restored, owner))
        if result is None:
            assert sorted(Path(folder).iterdir()) == before, "a failed run leaves a file"
            return False
        assert checked is not None and not checked.failures, "reconstruct accepts what inspect refuses"
        pictures = [frame.rgb for frame in envelopes.pictures(restored)]
        altered = _altered(one, path)
    assert len(pictures) == len(one.frames), f"{len(pictures)} frames come back"
    for rgb, frame, heads in zip(pictures, one.frames, one.heads, strict=True):
        assert all(np.array_equal(_crop(rgb, roi), _crop(frame, roi)) for _, roi in heads), "another original"
    assert altered == list(result.altered) == checked.altered, f"altered are {altered}, reported {result.altered}"
    return True


def _result(read: Callable):
    """What `read` returns; None if it refuses with a sentence."""
    try:
        return read()
    except UUNetError as error:
        assert str(error), "a refusal without a sentence"
        return None


def _altered(one, path):
    """`(frame, track)` of each public head that is not as it was published."""
    return [
        (index, track)
        for index, (frame, heads) in enumerate(zip(envelopes.pictures(path), one.heads, strict=True))
        for track, roi in heads
        if originals.head_digest(frame.view, roi) != originals.head_digest(one.views[index], roi)
    ]


def _crop(rgb, roi):
    return rgb[roi.y : roi.y + roi.h, roi.x : roi.x + roi.w]


def _rewrite(one, path, side, rng):
    """Writes the file again with other pixels, other envelopes, or its frames in another order."""
    order = list(range(len(one.frames)))
    if rng.random() < 0.3:
        order = rng.integers(0, len(order), rng.integers(1, len(order) + 2)).tolist()
    source = path.read_bytes()
    if not one.contents:  # in the pixels
        frames = [_in_pixels(one.rgb[k], one.opens[k], rng) for k in order]
        if len(one.frames) > 1:
            write_clip(path, frames)
        else:
            images.write(path, path, profiles.PNG, frames[0])
        return
    contents = [_other_envelope(one.contents[k], one.opens[k], rng) for k in order]
    if side is not None:
        with side.open("wb") as file:
            sidecar.start(file)
            for content in contents:
                sidecar.write(file, content)
    elif len(one.frames) == 1:
        path.write_bytes(jpeg.with_segment(source, contents[0]))
    else:
        with_content = jpeg.with_segment if path.suffix == ".mov" else sei.insert
        profile = profiles.MJPEG if path.suffix == ".mov" else profiles.H264
        original = path.with_stem("original")
        path.rename(original)
        some = contents + one.contents[len(contents) :]
        video_writing.copy(
            original, path, profile, lambda picture, k: with_content(picture, some[k]), lambda done: None
        )
        original.unlink()


def _other_envelope(content, length, rng):
    """An envelope with changes, whose CRC mostly matches."""
    if rng.random() < 0.5:
        return content
    if rng.random() < 0.3:
        return content[:length] + changed(content[length:], rng)
    open_part = changed(content[: length - 4], rng)
    crc = zlib.crc32(open_part).to_bytes(4, "big") if rng.random() < 0.8 else content[length - 4 : length]
    return open_part + crc + content[length:]


def _in_pixels(rgb, length, rng):
    """A frame with another envelope in its lowest bits, noise in some of them, or a grey rectangle."""
    kind = rng.integers(5)
    rgb = rgb.copy()
    if kind == 0:
        data = _other_envelope(lsb.reveal(rgb, length), length, rng)
        return lsb.replace(rgb, data[: lsb.capacity(rgb.shape)])
    if kind == 1:
        places = rng.integers(0, rgb.size, rng.integers(1, 9))
        rgb.reshape(-1)[places] ^= 1
    if kind == 2:
        x, y = rng.integers(0, WIDTH), rng.integers(0, HEIGHT)
        part = rgb[y : y + 9, x : x + 9]
        part[:] = 30 | part & 1
    if kind == 3:
        return np.roll(rgb, rng.integers(-2, 3), axis=rng.integers(0, 2))
    return rgb


@functools.cache
def _picture():
    """One picture of H.264 in Annex B form, with its parameter sets, which carries nothing."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.height, encoder.width, encoder.pix_fmt, encoder.framerate = HEIGHT, WIDTH, "yuv420p", 25
    frame = av.VideoFrame.from_ndarray(published(".png", False).rgb[0], format="rgb24").reformat(format="yuv420p")
    return b"".join(bytes(packet) for one in (frame, None) for packet in encoder.encode(one))


def try_unit(rng: np.random.Generator) -> bool:
    """True if a decoder hands on the content of an SEI message in a changed picture."""
    content = rng.choice([0, 1, 3, 255], rng.integers(0, 700)).astype(np.uint8).tobytes()
    whole = sei.insert(_picture(), content)
    assert sei.content(whole) == content, "an SEI message gives another content"
    picture = changed(whole, rng)
    found = sei.content(picture)
    if sei.SLICE.search(picture):
        again = sei.content(sei.insert(picture, b"new"))
        assert again is not None and again.startswith(b"new"), "a new SEI message is not found"
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    try:
        frames = [*decoder.decode(av.Packet(picture)), *decoder.decode(None)]
    except av.FFmpegError:
        return False
    carried = [sei.find(frame) for frame in frames]
    if picture == whole:
        assert carried == [content] and found == content, "a decoder gives another content"
    return any(one is not None for one in carried)


def try_segments(rng: np.random.Generator) -> bool:
    """True if the APP9 segments of a changed JPEG file are found."""
    content = rng.bytes(rng.choice([0, 1, 500, jpeg.CHUNK, jpeg.CHUNK + 1, 3 * jpeg.CHUNK]))
    whole = jpeg.with_segment(published(".jpg", False).files[".jpg"], content)
    assert jpeg.segment(whole) == content, "APP9 segments give another content"
    data = changed(whole, rng)
    try:
        again = jpeg.with_segment(data, b"new")
    except UUNetError:
        return False
    assert jpeg.segment(again) == b"new", "new APP9 segments are not found"
    return jpeg.segment(data) is not None


def try_sidecar(rng: np.random.Generator) -> bool:
    """True if all envelopes of a changed sidecar file are read."""
    contents = [rng.bytes(rng.integers(0, 60)) for _ in range(rng.integers(1, 5))]
    lengths = [len(one) if rng.random() < 0.8 else rng.integers(0, 2**32).item() for one in contents]
    data = sidecar.MAGIC + bytes((sidecar.VERSION,))
    data += b"".join(n.to_bytes(4, "big") + one for n, one in zip(lengths, contents, strict=True))
    with tempfile.NamedTemporaryFile(dir=FOLDER.name) as file:
        written = changed(data, rng)
        Path(file.name).write_bytes(written)
        found = _result(lambda: list(sidecar.envelopes(file.name)))
    if found is None:
        return False
    again = sidecar.MAGIC + bytes((sidecar.VERSION,)) + b"".join(len(one).to_bytes(4, "big") + one for one in found)
    assert again == written, "a sidecar file is accepted that would not be written"
    return True
