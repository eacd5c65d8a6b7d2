"""Heads in ROIs of other sizes, in JPEG files and in H.264 streams."""

import numpy as np
import pytest
import skimage

from uunet import metrics
from uunet.evaluation import transmission


@pytest.fixture(scope="module")
def heads():
    """uint8 `(7, 64, 64, 3)`: pieces of a photo; of two sequences of 4 and 3 frames."""
    photo = skimage.data.astronaut()
    corners = [(40 + 4 * k, 150 + 4 * k) for k in range(4)] + [(300 + 4 * k, 300) for k in range(3)]
    return np.stack([photo[y : y + 64, x : x + 64] for y, x in corners])


SEQUENCES = np.array([5, 5, 5, 5, 2, 2, 2])
FRAMES = np.array([0, 1, 2, 3, 2, 1, 0])


def test_a_stream_keeps_places_and_costs_more_at_a_higher_crf(heads):
    """Were a head another's, or shifted by a pixel, its PSNR would be lower than 25 dB."""
    found = {
        crf: metrics.psnr(heads, transmission.through_h264(heads, SEQUENCES, FRAMES, crf, 0)) for crf in (10, 23, 40)
    }
    assert found[10].min() > 33 and 25 < found[23].min() < found[10].min() and found[40].mean() < found[23].mean() - 4
    shifted = np.roll(heads, 1, axis=2)
    assert metrics.psnr(heads, shifted).max() < 27


def test_longer_sequences_than_a_group(heads):
    many = heads[[0, 4] * 6]
    found = transmission.through_h264(many, np.zeros(12, int), np.arange(12), 23, 0)
    assert metrics.psnr(many, found).min() > 25


def test_heads_in_rois_of_other_sizes(heads):
    assert transmission.seen(heads, 64) is heads
    assert transmission.seen(heads, 32).shape == (7, 32, 32, 3)
    assert transmission.seen(heads, 128).shape == (7, 128, 128, 3)
    np.testing.assert_allclose(transmission.seen(heads, 32)[0, 0, 0], heads[0, :2, :2].mean(axis=(0, 1)), atol=1)
