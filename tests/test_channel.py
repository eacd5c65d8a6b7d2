import io

import av
import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from skimage import data as skimage_data
from skimage.metrics import peak_signal_noise_ratio

from uunet import channel, pixels

ASTRONAUT = skimage_data.astronaut()
HEADS = np.stack([ASTRONAUT[20 + k : 116 + k, 170 + 2 * k : 266 + 2 * k] for k in range(4)])  # (4, 96, 96, 3), moving


def fine_detail(rng, n):
    """Pixels with power at every frequency, as U_e's hidden features have."""
    return np.clip(0.5 + 0.08 * rng.normal(size=(n, n, 3)), 0, 1).astype(np.float32)


def survived(sent, received):
    """Share of the variance that came back."""
    return 1 - np.var(received - sent) / np.var(sent)


@pytest.mark.parametrize("n", [64, 65, 72, 96, 97, 128, 200, 256])
def test_a_roi_of_64_pixels_or_more_loses_nothing(rng, n):
    a = fine_detail(rng, 64)
    assert survived(a, channel.to_network(channel.to_roi(a, n, n), 64)) > 0.995


@pytest.mark.parametrize("n", [68, 96])
def test_bilinear_resizing_would_lose_it(rng, n):
    import cv2

    a = fine_detail(rng, 64)
    there = pixels.to_uint8(cv2.resize(a, (n, n), interpolation=cv2.INTER_LINEAR))
    back = cv2.resize(pixels.to_float(there), (64, 64), interpolation=cv2.INTER_LINEAR)
    assert survived(a, back) < 0.8


@pytest.mark.parametrize("n", [8, 24, 40, 63])
def test_a_smaller_roi_returns_unchanged_from_the_network(rng, n):
    crop = pixels.to_uint8(fine_detail(rng, n))
    again = channel.to_roi(channel.to_network(crop, 64), n, n)
    assert np.abs(again.astype(int) - crop).max() <= 2


def test_rois_need_not_be_square(rng):
    crop = pixels.to_uint8(fine_detail(rng, 128))[:, :50]
    face = channel.to_network(crop, 64)
    assert face.shape == (64, 64, 3) and face.dtype == np.float32 and 0 <= face.min() <= face.max() <= 1
    assert channel.to_roi(face, 128, 50).shape == (128, 50, 3)


@pytest.mark.parametrize("n", [1, 2, 7, 500])
def test_a_flat_roi_stays_flat(n):
    crop = np.full((n, n, 3), 200, np.uint8)
    np.testing.assert_allclose(channel.to_network(crop, 64), 200 / 255, atol=0.01)
    assert np.abs(channel.to_roi(np.full((64, 64, 3), 0.5, np.float32), n, n).astype(int) - 128).max() <= 2


def test_training_goes_through_the_pipelines_own_channel(rng):
    sizes = (24, 64, 80)
    a = np.stack([fine_detail(rng, 64) for _ in sizes])
    trained = np.asarray(channel.Channel(sizes, 64)(a, np.arange(3)))
    for face, n, received in zip(a, sizes, trained, strict=True):
        error = np.abs(received - channel.to_network(channel.to_roi(face, n, n), 64))
        assert np.quantile(error, 0.999) < 2e-3 and error.max() < 2 / 255  # a tie may be rounded to the other level


def test_the_channel_passes_gradients(rng):
    a = tf.constant(np.stack([fine_detail(rng, 64)] * 2))
    with tf.GradientTape() as tape:
        tape.watch(a)
        loss = tf.reduce_sum(channel.Channel((32, 96), 64)(a, np.array([0, 1])) ** 2)
    gradient = tape.gradient(loss, a).numpy()
    assert np.isfinite(gradient).all() and (np.abs(gradient).reshape(2, -1).mean(axis=1) > 0.1).all()


def test_rounding_goes_straight_through():
    x = tf.constant([0.1, 0.5004, 0.9])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = pixels.round_to_8_bits(x)
    np.testing.assert_array_equal(tape.gradient(y, x), [1, 1, 1])
    np.testing.assert_allclose(y * 255, np.round(x * 255), atol=1e-4)


def test_standardize():
    x = np.random.default_rng(0).random((3, 16, 16, 3), np.float32) * [[[[1]]], [[[0.1]]], [[[0]]]]
    y = keras.ops.convert_to_numpy(pixels.standardize(np.float32(x)))
    np.testing.assert_allclose(y.mean(axis=(1, 2, 3)), 0, atol=1e-4)
    np.testing.assert_allclose(y.std(axis=(1, 2, 3)), [1, 1, 0], atol=1e-3)


def test_every_8_bit_value_survives_the_unit_interval():
    levels = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(pixels.to_uint8(pixels.to_float(levels)), levels)
    np.testing.assert_array_equal(pixels.to_uint8(np.array([-1.0, 2.0])), [0, 255])


@pytest.mark.parametrize("quality", [50, 75, 90, 95])
def test_jpeg_is_pillows(quality):
    file = io.BytesIO()
    Image.fromarray(HEADS[0]).save(file, "JPEG", quality=quality, subsampling="4:2:0")
    theirs = np.asarray(Image.open(file))
    ours = pixels.to_uint8(np.asarray(channel.jpeg(pixels.to_float(HEADS[:1]), quality)))[0]
    assert peak_signal_noise_ratio(theirs, ours) > 45 > 42 > peak_signal_noise_ratio(theirs, HEADS[0])


def test_jpeg_steps_are_libjpegs():
    for quality in range(1, 101):
        file = io.BytesIO()
        Image.fromarray(HEADS[0, :16, :16]).save(file, "JPEG", quality=quality)
        tables = Image.open(file).quantization
        for steps, table in ((channel.LUMA_STEPS, tables[0]), (channel.CHROMA_STEPS, tables[1])):
            np.testing.assert_array_equal(channel.jpeg_steps(steps, quality), np.reshape(table, (8, 8)))


def test_chroma_subsampling_is_ffmpegs(rng):
    noisy = np.clip(HEADS[0] + 8 * rng.normal(size=HEADS[0].shape), 0, 255).astype(np.uint8)
    yuv = av.VideoFrame.from_ndarray(noisy, format="rgb24").reformat(format="yuv420p")
    theirs = yuv.to_ndarray(format="rgb24").astype(float)
    ours = pixels.to_uint8(np.asarray(channel.subsample(pixels.to_float(noisy[None]))))[0]
    assert -1.5 < np.mean(theirs - ours) < 0  # FFmpeg's fast way back to RGB rounds down
    theirs -= np.mean(theirs - ours)
    assert peak_signal_noise_ratio(theirs, ours.astype(float), data_range=255) > 42
    assert peak_signal_noise_ratio(noisy, ours) < 36


def test_ycbcr_there_and_back(rng):
    colours = rng.random((50, 3), np.float32)
    np.testing.assert_allclose(channel.to_rgb(channel.to_ycbcr(colours)), colours, atol=1e-5)
    np.testing.assert_allclose(
        channel.to_ycbcr(np.eye(3, dtype=np.float32)),  # red, green, blue: ITU-T T.871, section 7
        [[0.299, -0.168736, 0.5], [0.587, -0.331264, -0.418688], [0.114, 0.5, -0.081312]], atol=1e-5,
    )
