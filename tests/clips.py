"""Small networks and clips that stand in for trained ones and real ones."""

from fractions import Fraction

import av
import keras
import numpy as np
import pytest
from keras import layers

from uunet.boxes.types import FaceBox
from uunet.errors import UUNetError

SIZE = 16  # side of the networks' input: small and fast


def first_quick(values):
    """Values of a test's parameter: the test is slow with all but the first of them."""
    first, *others = values
    return [first, *(pytest.param(value, marks=pytest.mark.slow) for value in others)]


def linear_network(channels, kernel, bias):
    """A network that maps each pixel by a matrix, e.g. to its negative."""
    pixels = keras.Input((SIZE, SIZE, channels))
    layer = layers.Conv2D(3, 1)
    model = keras.Model(pixels, layer(pixels))
    layer.set_weights([np.array(kernel, np.float32).reshape(1, 1, channels, 3), np.full(3, bias, np.float32)])
    return model


def scene(k, height=48, width=64):
    """Frame k of a clip: a smooth background and a bright 16 x 16 square that moves right by 2 pixels a frame."""
    y, x = np.mgrid[:height, :width]
    frame = np.stack([60 + x, 40 + 2 * y, 90 + (x + y) // 2], axis=-1).astype(np.uint8)
    left = 4 + 2 * k % (width - 24)
    frame[20:36, left : left + 16] = [250, 240, 230]
    return frame


def bright_square(frame):
    """Finds the square of `scene`, also after lossy compression."""
    rows, columns = np.where(frame.astype(int).min(axis=-1) > 200)
    if rows.size < 20:
        return []
    return [FaceBox(int(columns.min()), int(rows.min()), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1)]


def write_clip(path, frames, *, codec="libx264rgb", pixels="rgb24", container=None, times=None, sound=None, gop=12):
    """Writes a small clip; `times` in ms, by default 25 frames a second; `sound` names an audio codec."""
    with av.open(str(path), "w", format=container) as out:
        stream = out.add_stream(codec, rate=25, options={"qp": "0"} if codec.startswith("libx264") else {})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt, stream.gop_size = pixels, gop
        base = Fraction(1, 1000) if times else Fraction(1, 25)
        stream.codec_context.time_base = base
        audio = out.add_stream(sound, rate=48000, layout="stereo") if sound else None
        for k, rgb in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts, frame.time_base = times[k] if times else k, base
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if audio:
            wave = (8000 * np.sin(np.arange(1920 * len(frames)) * 0.06)).astype(np.int16)  # 440 Hz or so
            tone = av.AudioFrame.from_ndarray(np.repeat(wave, 2)[None], format="s16", layout="stereo")
            tone.sample_rate, tone.pts, tone.time_base = 48000, 48 * (times or [0])[0], Fraction(1, 48000)
            if not audio.codec_context.is_open:
                audio.codec_context.open()
            context = audio.codec_context
            resampler = av.AudioResampler(context.format, context.layout, 48000, context.frame_size or None)
            for piece in [*resampler.resample(tone), *resampler.resample(None)]:
                out.mux(audio.encode(piece))
            out.mux(audio.encode(None))
    return path


def read_clip(path):
    """`(frames, times in ms)` of a clip."""
    with av.open(str(path)) as container:
        decoded = list(container.decode(video=0))
    return [f.to_ndarray(format="rgb24") for f in decoded], [round(1000 * float(f.pts * f.time_base)) for f in decoded]


def fails(folder, says, call, kind=UUNetError):
    """Checks that a call raises one sentence that matches `says`, and leaves every file in a folder as it was."""

    def content():
        return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    before = content()
    with pytest.raises(kind, match=says) as caught:
        call()
    assert content() == before
    if issubclass(kind, UUNetError):
        assert "\n" not in str(caught.value) and str(caught.value).endswith(".")
