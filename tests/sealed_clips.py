"""Files with sealed originals for tests: a small U_e that draws first, keys, clips, and files put together anew."""

import dataclasses
import zlib
from types import SimpleNamespace

import av
import keras
import numpy as np
from PIL import Image

from tests.clips import write_clip
from uunet import pipeline
from uunet.boxes.box_file import GivenBoxes
from uunet.boxes.types import Roi
from uunet.media import envelopes, images, profiles, video_reading, video_writing
from uunet.models import twin
from uunet.pipeline import sealed, sealing
from uunet.stego import jpeg
from uunet.wire import envelope, keys, sidecar

SIZE = 16
ALICE, BOB, STRANGER = keys.generate(), keys.generate(), keys.generate()
HYBRID = keys.generate(hybrid=True)

# suffix of the public file, and whether the originals are in a sidecar
VIDEOS = [(suffix, beside) for beside in (False, True) for suffix in (".webm", ".mkv", ".mp4", ".mov")]
PICTURES = [(suffix, beside) for beside in (False, True) for suffix in (".png", ".jpg")]
CARRIERS = [(".mkv", False), (".mp4", False), (".mov", False), (".mkv", True)]  # pixels, SEI, APP9, sidecar


def name(carrier):
    """The name of a test's parameter."""
    suffix, beside = carrier
    return suffix + (" and sidecar" if beside else "")


def drawing_first():
    """U_e: t is the negative of x, and a is t, a little brighter."""
    x = keras.Input((SIZE, SIZE, 3))
    read = keras.Model(x, [keras.layers.Dense(n)(keras.layers.GlobalAveragePooling2D()(x)) for n in twin.LABELS])
    x, person = keras.Input((SIZE, SIZE, 3)), keras.Input((twin.PEOPLE,))
    t = 1 - x
    parts = keras.Model([x, person], {"t": t, "a": keras.ops.minimum(t + 0.05, 1)})
    return twin.TwinEncoder(read, parts, (-1, 1, 1, 1))


def textured(k, height=96, width=128, noise=1.5):
    """Frame k of a clip with texture, a little of it noise."""
    y, x = np.mgrid[:height, :width]
    waves = 60 * np.sin((x + 2 * k) / 17)[..., None] * [1, 0.8, 0.5] + 40 * np.cos(y / 13)[..., None] * [0.4, 1, 0.7]
    return np.clip(120 + waves + np.random.default_rng(k).normal(0, noise, (height, width, 3)), 0, 255).astype(np.uint8)


# A clip in which a head moves, a second one overlaps with it in frames 3 to 5, and a third is far away. No heads in 7.
COUNT = 12
FRAMES = [textured(k) for k in range(COUNT)]
HEADS = [
    [(1, Roi(8 + k, 12, 22, 26))] + ([(2, Roi(24, 20, 20, 20))] if 3 <= k < 6 else []) + [(5, Roi(96, 64, 24, 24))]
    for k in range(COUNT)
]
HEADS[7] = []
GIVEN = GivenBoxes(dict(enumerate(HEADS)))


def crop(frame, roi):
    x, y, w, h = roi
    return frame[y : y + h, x : x + w]


def inside(heads, shape):
    """bool `(H, W)`: the pixels of all boxes of a frame."""
    mask = np.zeros(shape[:2], bool)
    for _, roi in heads:
        crop(mask, roi)[:] = True
    return mask


class Sealed:
    """A public file with sealed originals that was written in a folder, and its source."""

    def __init__(self, folder, encoder, carrier=(".mkv", False), frames=FRAMES, heads=HEADS, **options):
        suffix, beside = carrier
        self.folder, self.encoder, self.frames, self.heads = folder, encoder, frames, heads
        self.is_picture = suffix in images.READABLE
        self.public = folder / f"public{suffix}"
        self.sidecar = folder / "originals.side" if beside else None
        self.source = folder / ("source.png" if self.is_picture else "source.mkv")
        options = {"seed": 1, "recipients": (ALICE.public,), "quality": "exact", "overwrite": True} | options
        self.options = pipeline.PublicOptions(sidecar=self.sidecar, **options)
        if self.is_picture:
            Image.fromarray(frames[0]).save(self.source)
        else:
            write_clip(self.source, frames)

    def publish(self):
        write = pipeline.deidentify_image if self.is_picture else pipeline.deidentify_video
        given = GivenBoxes({k: list(heads) for k, heads in enumerate(self.heads)})
        self.result = write(self.source, self.public, self.encoder, given, self.options)
        return self

    def restore(self, identity=ALICE, public=None, **options):
        """The result, with the restored `frames`. A sidecar is the one that was written, unless another is given."""
        read = pipeline.restore_image if self.is_picture else pipeline.restore_video
        target = self.folder / ("restored.png" if self.is_picture else "restored.mkv")
        options = {"sidecar": self.sidecar} | options
        result = read(public or self.public, target, pipeline.RestoreOptions(identity=identity, **options))
        frames = [images.read(target).rgb] if self.is_picture else video_reading.read_frames(target)
        target.unlink()
        return SimpleNamespace(frames=frames, opened=result.opened, altered=list(result.altered), result=result)

    def inspect(self, identity=ALICE, public=None, **options):
        options = {"sidecar": self.sidecar} | options
        return sealed.inspect(public or self.public, pipeline.RestoreOptions(identity=identity, **options))

    def items(self):
        return items(self.public)

    def envelopes(self):
        """The envelope of each frame as it is in the SEI messages, the APP9 segments or the sidecar."""
        return list(sidecar.envelopes(self.sidecar)) if self.sidecar else [one.content for one in self.items()]

    def rewrite(self, changed, contents=None):
        """Another public file, of items; with a sidecar also another sidecar, of `contents`."""
        public = write_items(self.public.with_stem("changed"), changed)
        if contents is not None and self.sidecar:
            write_sidecar(self.sidecar, contents)
        return public


def write_sidecar(path, contents):
    with path.open("wb") as file:
        sidecar.start(file)
        for content in contents:
            sidecar.write(file, content)


# Public files taken apart, and put together otherwise.


def items(path):
    """Each frame of a public file: its pixels, its JPEG file if it is one, and what it carries beside its picture."""
    found = []
    for one in envelopes.pictures(path):
        read = one.envelope_reader
        beside = read.data if isinstance(read, envelope.Content) else None
        found.append(SimpleNamespace(rgb=one.rgb.copy(), jpeg=one.jpeg, content=beside))
    return found


def painted(item, roi, value=30):
    """A copy of an item with a grey head. In a lossless file the lowest bits stay, and with them the envelope."""
    rgb = item.rgb.copy()
    crop(rgb, roi)[:] = value & 0xFE | crop(rgb, roi) & 1
    if item.jpeg is not None:  # only its own blocks change: those of others stay as they are
        data = jpeg.rewrite(item.jpeg, lambda carriers: flattened(carriers, roi))
        return SimpleNamespace(rgb=rgb, jpeg=data, content=item.content)
    return SimpleNamespace(rgb=rgb, jpeg=None, content=item.content)


def flattened(carriers, roi):
    """The coefficients of a head made 0 or 1."""
    x, y, w, h = roi
    changed = carriers.copy()
    part = changed[y // 8 : -(-(y + h) // 8), x // 8 : -(-(x + w) // 8)]
    part[:] = part == 0
    return changed


def write_items(path, some):
    """A file of the kind of `path` with these items, in this order."""
    suffix = path.suffix
    if suffix == ".png":
        Image.fromarray(some[0].rgb).save(path)
    elif suffix == ".jpg":
        path.write_bytes(_with_content(some[0]))
    elif suffix == ".mov":
        _write_jpegs(path, [_with_content(one) for one in some], some[0].rgb.shape)
    elif suffix == ".mkv":
        write_clip(path, [one.rgb for one in some], codec="ffv1", pixels="bgr0")
    else:
        source = write_clip(path.with_name("pieces.mkv"), [one.rgb for one in some])

        def change(frames, first):
            return [frame.rgb for frame in frames]

        def attach(k, view):
            return some[k].content

        video_writing.convert(source, path, profiles.H264, change, lambda done: None, attach)
        source.unlink()
    return path


def _with_content(one):
    return one.jpeg if one.content is None else jpeg.with_segment(one.jpeg, one.content)


def _write_jpegs(path, files, shape):
    with av.open(str(path), "w", format="mov") as out:
        stream = out.add_stream("mjpeg", rate=25)
        stream.height, stream.width = shape[:2]
        stream.pix_fmt = "yuvj444p"
        for k, data in enumerate(files):
            packet = av.Packet(data)
            packet.stream, packet.time_base, packet.is_keyframe = stream, video_reading.MILLISECOND, True
            packet.pts = packet.dts = 40 * k
            packet.duration = 40
            out.mux(packet)


def remuxed(source, target, container):
    """`ffmpeg -i source -c copy target`."""
    with av.open(str(source)) as read, av.open(str(target), "w", format=container) as out:
        stream = out.add_stream_from_template(read.streams.video[0])
        for packet in read.demux(video=0):
            if packet.size:  # the last one is empty
                packet.stream = stream
                out.mux(packet)
    return target


# Envelopes exchanged by one who can put bytes anywhere, in any carrier.


class Exchanged:
    """Publishes files twice with the same keys and pictures: the second time with changed envelopes.

    `first` holds `(open part, body)` of each frame as they were sealed.
    """

    def __init__(self, monkeypatch, one: Sealed):
        self.monkeypatch, self.one, self.first = monkeypatch, one, []
        self.keys = keys.new_file_keys()
        seal = sealing.Publisher._seal
        self._publish(lambda publisher, some, view: self.first.append(seal(publisher, some, view)) or self.first[-1])

    def publish(self, change):
        """`change`: callable, a list of parts -> another list, as long."""
        parts = change(list(self.first))
        self._publish(lambda publisher, some, view: parts[some.index])
        return self.one

    def _publish(self, seal):
        with self.monkeypatch.context() as patch:
            patch.setattr(keys, "new_file_keys", lambda: dataclasses.replace(self.keys, _sealed=set()))
            patch.setattr(sealing.Publisher, "_seal", seal)
            self.one.publish()


def parts_with(parts, **fields):
    """An envelope with other values in its header, and a CRC that matches."""
    open_part, body = parts
    names = ("magic", "version", "suite", "flags", "heads", "frame_index", "width", "height", "stream_id")
    values = dict(zip(names, envelope.HEADER.unpack(open_part[: envelope.HEADER.size]), strict=True)) | fields
    return with_crc(envelope.HEADER.pack(*values.values()) + open_part[envelope.HEADER.size :]), body


def with_crc(open_part):
    return open_part[:-4] + envelope.CRC.pack(zlib.crc32(open_part[:-4]))
