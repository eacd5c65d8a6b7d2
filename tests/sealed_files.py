"""Public files with sealed originals, made without a network: the public heads are grey, the originals noise."""

from typing import NamedTuple

import numpy as np

from tests.clips import scene, write_clip
from uunet.boxes.types import Roi, TrackedBox
from uunet.media import images, profiles, video_writing, views
from uunet.stego import jpeg, lsb
from uunet.wire import keys, originals, sidecar
from uunet.wire.envelope import EXACT, HeadContent
from uunet.wire.sealer import Sealer

SIZE = (96, 128)  # height, width: room for three recipients in every frame
TRACKS = (3, 7)
N_FRAMES = 23


class Sealed(NamedTuple):
    """A public file, and what it was made of."""

    path: object
    file_keys: keys.FileKeys
    record: bytes
    heads: list  # per frame: list of TrackedBox
    originals: list  # per frame: list of uint8 (h, w, 3)


def heads_of(k):
    """Track 3 is in every frame, track 7 in the first ten."""
    moving = TrackedBox(TRACKS[0], Roi(10 + k, 20, 18, 22))
    return [moving, TrackedBox(TRACKS[1], Roi(90, 60, 16, 16))] if k < 10 else [moving]


class Maker:
    """Seals the heads of frames, one after the other."""

    def __init__(self, recipients, n_frames):
        self.file_keys = keys.new_file_keys()
        self.record = keys.wrap(self.file_keys, recipients)
        self.sealer = Sealer(self.file_keys, self.record)
        self.rng = np.random.default_rng(5)
        self.n_frames, self.heads, self.originals = n_frames, [], []

    def envelope(self, index, view):
        heads, contents = heads_of(index), []
        self.heads.append(heads)
        self.originals.append([])
        for _, roi in heads:
            pixels = self.rng.integers(0, 256, (roi.h, roi.w, 3), np.uint8)
            picture = originals.picture(pixels, np.ones((roi.h, roi.w), bool), EXACT)
            self.originals[-1].append(pixels)
            contents.append(HeadContent(EXACT, originals.head_digest(view, roi), picture))
        return self.sealer.seal(index, (*SIZE, 3), heads, contents, index == self.n_frames - 1)

    def in_pixels(self, index, rgb):
        open_part, body = self.envelope(index, views.of_rgb(rgb))
        started = lsb.replace(rgb, open_part)
        order = {"offset": len(open_part), "key": self.file_keys.order_key, "nonce": index}
        return lsb.replace(started, body, **order)

    def in_jpeg(self, index, rgb):
        data = jpeg.encode(rgb)
        return jpeg.with_segment(data, b"".join(self.envelope(index, jpeg.blocks(data))))

    def made(self, path):
        return Sealed(path, self.file_keys, self.record, self.heads, self.originals)


def public_frame(k):
    """Frame k of the public clip."""
    frame = scene(k, *SIZE)
    for _, roi in heads_of(k):
        frame[roi.y : roi.y + roi.h, roi.x : roi.x + roi.w] = 128
    return frame


def video(path, recipients, *, sound=None):
    """A public video; its suffix says of which kind."""
    clip = path.with_name(f"source-of-{path.stem}.mkv")
    write_clip(clip, [public_frame(k) for k in range(N_FRAMES)], codec="libx264rgb", sound=sound)
    maker = Maker(recipients, N_FRAMES)
    profile = profiles.choose(path, profiles.VIDEOS)

    def change(frames, first):
        if profile.name == profiles.H264.name:
            return [frame.rgb for frame in frames]
        hide = maker.in_jpeg if profile.name == profiles.MJPEG.name else maker.in_pixels
        return [hide(k, frame.rgb) for k, frame in enumerate(frames, first)]

    attach = (lambda k, view: b"".join(maker.envelope(k, view))) if profile.name == profiles.H264.name else None
    video_writing.convert(clip, path, profile, change, lambda done: None, attach)
    clip.unlink()
    return maker.made(path)


def picture(path, recipients):
    """A public picture, .png or .jpg."""
    maker = Maker(recipients, 1)
    if path.suffix == ".jpg":
        path.write_bytes(maker.in_jpeg(0, public_frame(0)))
    else:
        images.write(path, path, profiles.PNG, maker.in_pixels(0, public_frame(0)))
    return maker.made(path)


def beside(path, side, recipients):
    """A public video that carries nothing, and its sidecar; the video is lossless."""
    write_clip(path, [public_frame(k) for k in range(N_FRAMES)], codec="ffv1", pixels="bgr0")
    maker = Maker(recipients, N_FRAMES)
    with side.open("wb") as file:
        sidecar.start(file)
        for k in range(N_FRAMES):
            sidecar.write(file, b"".join(maker.envelope(k, views.of_rgb(public_frame(k)))))
    return maker.made(path)
