import numpy as np
import pytest

from uunet import metrics


def test_psnr_by_hand():
    x = np.zeros((2, 4, 4, 3), np.uint8)
    r = np.stack([np.full((4, 4, 3), 5, np.uint8), np.full((4, 4, 3), 255, np.uint8)])
    np.testing.assert_allclose(metrics.psnr(x, r), [20 * np.log10(255 / 5), 0])


def test_psnr_of_equal_pictures_is_that_of_rounding(rng):
    """Also that of a single level in a single value, which is a smaller error than rounding makes."""
    x = rng.integers(0, 255, (3, 8, 8, 3), np.uint8)
    r = x.copy()
    r[1, 0, 0, 0] += 1
    r[2] += 1
    np.testing.assert_allclose(metrics.psnr(x, r), [10 * np.log10(255**2 * 12)] * 2 + [20 * np.log10(255)])


def test_psnr_of_other_shapes_is_refused():
    with pytest.raises(ValueError, match="dimensions"):
        metrics.psnr(np.zeros((1, 4, 4, 3), np.uint8), np.zeros((1, 4, 5, 3), np.uint8))


def test_psnr_of_values_up_to_1(rng):
    """Many pictures as one: one mean squared error over all of them."""
    x = rng.random((2, 8, 8, 3), np.float32) / 2
    r = x + np.float32([0.1, 0.2])[:, None, None, None]
    np.testing.assert_allclose(metrics.psnr(x, r, data_range=1.0), [20, 20 * np.log10(5)], rtol=1e-5)
    np.testing.assert_allclose(metrics.psnr(x[None], r[None], data_range=1.0), [10 * np.log10(1 / 0.025)], rtol=1e-5)
