import io

import av
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from skimage import data as skimage_data
from skimage.metrics import peak_signal_noise_ratio

from tests.test_pixels import fine_detail
from uunet import config, pixels
from uunet.channel import jpeg, simulation, video_codec
from uunet.training.tensorflow import outside

ASTRONAUT = skimage_data.astronaut()
HEADS = np.stack([ASTRONAUT[20 + k : 116 + k, 170 + 2 * k : 266 + 2 * k] for k in range(4)])  # (4, 96, 96, 3), moving
KINDS = ("chroma", "jpeg", "h264", "vp9")
EVERY = config.ChannelConfig(
    sizes=(24, 80),
    damages=(
        config.Degradation("chroma"),
        config.Degradation("jpeg", 95, 50),
        config.Degradation("h264", 18, 28),
        config.Degradation("vp9", 20, 40),
    ),
    ramp=100,
)


def test_training_goes_through_the_pipelines_own_channel(rng):
    """Each sequence, wherever it stands in the batch, as the pipeline sends it by a ROI of its size."""
    sizes, order = (24, 64, 80), np.array([2, 0, 3, 1])
    a = np.stack([fine_detail(rng, 64) for _ in range(8)])
    chosen = config.ChannelConfig(sizes=sizes)
    trained = np.asarray(simulation.Channel(chosen, 64, 4, outside)(a, order, np.zeros((3, 4), np.int32)))
    dealt = dict(zip(order, (24, 24, 64, 80), strict=True))
    for k, (face, received) in enumerate(zip(a, trained, strict=True)):
        n = dealt[k // 2]
        error = np.abs(received - pixels.to_network(pixels.to_roi(face, n, n), 64))
        assert np.quantile(error, 0.999) < 2e-3 and error.max() < 2 / 255  # a tie may be rounded to the other level


@pytest.mark.parametrize("kind", range(5), ids=("none", *KINDS))
def test_the_channel_passes_gradients(rng, kind):
    a = tf.constant(np.stack([fine_detail(rng, 64)] * 4))
    drawn = np.array([[kind, 28, 5, 11]] * 2, np.int32)
    with tf.GradientTape() as tape:
        tape.watch(a)
        received = simulation.Channel(EVERY, 64, 2, outside)(a, np.array([1, 0], np.int32), drawn)
        loss = tf.reduce_sum(received**2)
    gradient = tape.gradient(loss, a).numpy()
    assert np.isfinite(gradient).all() and (np.abs(gradient).reshape(4, -1).mean(axis=1) > 0.1).all()


@pytest.mark.parametrize("kind", ["h264", "vp9"])
def test_training_goes_through_the_codec_as_evaluation_does(kind):
    """Straight-through: forward, U_d gets what the real encoder leaves; frames of a sequence are frames of a video."""
    a = np.stack([pixels.to_network(head, 64) for head in HEADS])
    drawn = np.array([[1 + KINDS.index(kind), 30, 3, 12]] * 2, np.int32)
    received = np.asarray(simulation.Channel(EVERY, 64, 2, outside)(a, np.array([1, 0], np.int32), drawn))
    for sequence, n in ((slice(2, 4), 24), (slice(0, 2), 80)):  # order deals the smallest size to sequence 1
        rois = np.stack([pixels.to_roi(face, n, n) for face in a[sequence]])
        decoded = video_codec.heads_round_trip(rois, 30, corner=(3, 12), name=kind)
        expected = np.stack([pixels.to_network(roi, 64) for roi in decoded])
        assert np.quantile(np.abs(received[sequence] - expected), 0.95) < 4 / 255  # a tie in rounding moves the encoder
        assert np.abs(expected - a[sequence]).mean() > 3 * np.abs(received[sequence] - expected).mean()


@pytest.mark.parametrize("quality", [50, 75, 90, 95])
def test_jpeg_is_pillows(quality):
    file = io.BytesIO()
    Image.fromarray(HEADS[0]).save(file, "JPEG", quality=quality, subsampling="4:2:0")
    theirs = np.asarray(Image.open(file))
    ours = pixels.to_uint8(np.asarray(jpeg.round_trip(pixels.to_float(HEADS[:1]), quality)))[0]
    assert peak_signal_noise_ratio(theirs, ours) > 45 > 42 > peak_signal_noise_ratio(theirs, HEADS[0])


def test_jpeg_steps_are_libjpegs():
    for quality in range(1, 101):
        file = io.BytesIO()
        Image.fromarray(HEADS[0, :16, :16]).save(file, "JPEG", quality=quality)
        tables = Image.open(file).quantization
        for steps, table in ((jpeg.LUMA_STEPS, tables[0]), (jpeg.CHROMA_STEPS, tables[1])):
            np.testing.assert_array_equal(jpeg.steps_at(steps, quality), np.reshape(table, (8, 8)))


def test_chroma_subsampling_is_ffmpegs(rng):
    noisy = np.clip(HEADS[0] + 8 * rng.normal(size=HEADS[0].shape), 0, 255).astype(np.uint8)
    yuv = av.VideoFrame.from_ndarray(noisy, format="rgb24").reformat(format="yuv420p")
    theirs = yuv.to_ndarray(format="rgb24").astype(float)
    ours = pixels.to_uint8(np.asarray(jpeg.subsample(pixels.to_float(noisy[None]))))[0]
    assert -1.5 < np.mean(theirs - ours) < 0  # FFmpeg's fast way back to RGB rounds down
    theirs -= np.mean(theirs - ours)
    assert peak_signal_noise_ratio(theirs, ours.astype(float), data_range=255) > 42
    assert peak_signal_noise_ratio(noisy, ours) < 36


def test_ycbcr_there_and_back(rng):
    colours = rng.random((50, 3), np.float32)
    np.testing.assert_allclose(jpeg.to_rgb(jpeg.to_ycbcr(colours)), colours, atol=1e-5)
    np.testing.assert_allclose(
        jpeg.to_ycbcr(np.eye(3, dtype=np.float32)),  # red, green, blue: ITU-T T.871, section 7
        [[0.299, -0.168736, 0.5], [0.587, -0.331264, -0.418688], [0.114, 0.5, -0.081312]],
        atol=1e-5,
    )


def test_degradation_begins_at_none_and_grows(rng):
    start = [simulation.sample_conditions(EVERY, 4, rng, 0) for _ in range(50)]
    assert all((degradation[:, 0] == 0).all() for _, degradation in start)
    for step in (50, 100, 10_000):
        drawn = np.concatenate([simulation.sample_conditions(EVERY, 4, rng, step)[1] for _ in range(1000)])
        kind, quality, *corner = drawn.T
        strength = min(1, step / 100)
        np.testing.assert_allclose(np.bincount(kind, minlength=5)[1:] / len(kind), strength / 5, atol=0.03)
        for k, degradation in enumerate(EVERY.damages, start=1):
            hardest = degradation.easiest + strength * (degradation.hardest - degradation.easiest)
            found = quality[kind == k]
            ends = sorted([degradation.easiest, hardest])
            np.testing.assert_allclose([found.min(), found.max()], ends, atol=1)
            assert ends[0] - 0.5 <= found.min() and found.max() <= ends[1] + 0.5
        assert all((first.min(), first.max()) == (0, video_codec.GRID - 1) for first in corner)
    order, degradation = simulation.sample_conditions(EVERY, 4, np.random.default_rng(7), 100)
    assert sorted(order) == [0, 1, 2, 3] and order.dtype == degradation.dtype == np.int32
    again = simulation.sample_conditions(EVERY, 4, np.random.default_rng(7), 100)
    np.testing.assert_array_equal(again[1], degradation)
