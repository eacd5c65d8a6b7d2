"""Heads through the whole chain, with networks whose answer is known."""

import keras
import numpy as np
import pytest
import skimage

from uunet.evaluation import chain, metrics


@pytest.fixture(scope="module")
def heads():
    """uint8 `(7, 64, 64, 3)`: pieces of a photo; of two sequences of 4 and 3 frames."""
    photo = skimage.data.astronaut()
    corners = [(40 + 4 * k, 150 + 4 * k) for k in range(4)] + [(300 + 4 * k, 300) for k in range(3)]
    return np.stack([photo[y : y + 64, x : x + 64] for y, x in corners])


SEQUENCES = np.array([5, 5, 5, 5, 2, 2, 2])
FRAMES = np.array([0, 1, 2, 3, 2, 1, 0])


def test_a_network_that_does_nothing_loses_nothing(heads):
    image = keras.Input((64, 64, 3))
    r = chain.reconstructed(heads, keras.Model(image, keras.layers.Identity()(image)))
    np.testing.assert_array_equal(r, heads)
    np.testing.assert_allclose(metrics.psnr(heads, r), 10 * np.log10(255**2 * 12))


def test_one_draw_of_the_noise_a_sequence(heads):
    """A network that shows its noise: the same within a sequence, other ones across and with another seed."""
    image = keras.Input((64, 64, 4))
    shows = keras.Model(image, keras.ops.repeat(image[..., 3:], 3, axis=-1))
    first, again, other = (chain.deidentified(heads, SEQUENCES, shows, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first[:4] == first[0]).all() and (first[4:] == first[4]).all()
    for one, two in ((first[0], first[4]), (first[0], other[0])):
        assert np.abs(one.astype(int) - two).mean() == pytest.approx(85, abs=5)  # of two U(0, 255): a third of 255


def test_a_stream_keeps_places_and_costs_more_at_a_higher_crf(heads):
    """Were a head another's, or shifted by a pixel, its PSNR would be lower than 25 dB."""
    found = {crf: metrics.psnr(heads, chain.through_h264(heads, SEQUENCES, FRAMES, crf, 0)) for crf in (10, 23, 40)}
    assert found[10].min() > 33 and 25 < found[23].min() < found[10].min() and found[40].mean() < found[23].mean() - 4
    shifted = np.roll(heads, 1, axis=2)
    assert metrics.psnr(heads, shifted).max() < 27


def test_longer_sequences_than_a_group(heads):
    many = heads[[0, 4] * 6]
    found = chain.through_h264(many, np.zeros(12, int), np.arange(12), 23, 0)
    assert metrics.psnr(many, found).min() > 25


def test_heads_in_rois_of_other_sizes(heads):
    assert chain.seen(heads, 64) is heads
    assert chain.seen(heads, 32).shape == (7, 32, 32, 3) and chain.seen(heads, 128).shape == (7, 128, 128, 3)
    np.testing.assert_allclose(chain.seen(heads, 32)[0, 0, 0], heads[0, :2, :2].mean(axis=(0, 1)), atol=1)
