"""The range of values and the sides of heads, between the pixels of a ROI and a network."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from uunet import pixels


def fine_detail(rng, n):
    """Pixels with power at every frequency, as U_e's hidden features have."""
    return np.clip(0.5 + 0.08 * rng.normal(size=(n, n, 3)), 0, 1).astype(np.float32)


def survived(sent, received):
    """Share of the variance that came back."""
    return 1 - np.var(received - sent) / np.var(sent)


@pytest.mark.parametrize("n", [64, 65, 72, 96, 97, 128, 200, 256])
def test_a_roi_of_64_pixels_or_more_loses_nothing(rng, n):
    a = fine_detail(rng, 64)
    assert survived(a, pixels.to_network(pixels.to_roi(a, n, n), 64)) > 0.995


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
    again = pixels.to_roi(pixels.to_network(crop, 64), n, n)
    assert np.abs(again.astype(int) - crop).max() <= 2


def test_rois_need_not_be_square(rng):
    crop = pixels.to_uint8(fine_detail(rng, 128))[:, :50]
    face = pixels.to_network(crop, 64)
    assert face.shape == (64, 64, 3) and face.dtype == np.float32 and 0 <= face.min() <= face.max() <= 1
    assert pixels.to_roi(face, 128, 50).shape == (128, 50, 3)


@pytest.mark.parametrize("n", [1, 2, 7, 500])
def test_a_flat_roi_stays_flat(n):
    crop = np.full((n, n, 3), 200, np.uint8)
    np.testing.assert_allclose(pixels.to_network(crop, 64), 200 / 255, atol=0.01)
    assert np.abs(pixels.to_roi(np.full((64, 64, 3), 0.5, np.float32), n, n).astype(int) - 128).max() <= 2


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
