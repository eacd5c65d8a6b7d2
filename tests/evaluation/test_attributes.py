import numpy as np
import pytest

from uunet.evaluation import attributes, resampling


def test_soft_labels_that_obey_s():
    same = np.array([1, 1, 0, 0])
    assert attributes.soft_label_correlation(same * 0.8 + 0.1, same, 1) == pytest.approx(1)
    assert attributes.soft_label_correlation(same * 0.8 + 0.1, same, -1) == pytest.approx(-1)
    by_hand = np.corrcoef([0.9, 0.2, 0.3, 0.1], [0, 0, 1, 1])[0, 1]
    assert attributes.soft_label_correlation([0.9, 0.2, 0.3, 0.1], same, -1) == pytest.approx(by_hand)


@pytest.mark.parametrize(("same", "s"), [([1, 1], 1), ([0, 0], 1), ([0, 1], 0)])
def test_a_constant_correlates_with_nothing(same, s):
    with pytest.raises(ValueError, match="pairs of both kinds"):
        attributes.soft_label_correlation([0.1, 0.9], same, s)


def test_table_iii_draws_rows_together(rng):
    same = rng.random(200) < 0.5
    mean, spread = resampling.resampled(
        lambda agreement, same: attributes.soft_label_correlation(agreement, same, 1), same * 0.5, same, rng=rng
    )
    assert mean == pytest.approx(1) and spread == pytest.approx(0, abs=1e-12)


def test_unknown_labels_are_compared_with_nothing():
    codes = np.array([0, 0, 1, -1])
    known, same = attributes.compared(np.array([[0, 1], [0, 2], [0, 3], [3, 3]]), codes)
    assert known.tolist() == [True, True, False, False] and same.tolist() == [True, False]


def test_weights_are_repetitions():
    agreement, same = np.array([0.9, 0.2, 0.3, 0.1]), np.array([True, True, False, False])
    weights = np.array([[1, 1, 1, 1], [2, 0, 1, 1], [1, 1, 0, 0]])
    once, twice, alike = attributes.correlations(agreement, same, 1, weights)
    assert once == attributes.soft_label_correlation(agreement, same, 1)
    assert twice == attributes.soft_label_correlation(agreement[[0, 0, 2, 3]], same[[0, 0, 2, 3]], 1)
    assert np.isnan(alike) and np.isnan(attributes.soft_label_correlation([0.5, 0.5], [True, False], 1))
