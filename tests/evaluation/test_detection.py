import numpy as np
import pytest

from uunet.evaluation import detection, resampling

FACE, ELSEWHERE = (10, 10, 20, 20), (50, 50, 20, 20)


def test_average_precision_by_hand():
    """Ranked: right, wrong, right, and a third face never found: precision 1, 1/2, 2/3 -> (1 + 2/3) / 3."""
    pictures = [
        ([FACE], [(0.9, FACE), (0.8, ELSEWHERE)]),
        ([FACE], [(0.7, (11, 10, 20, 20))]),
        ([FACE], []),
    ]
    assert detection.average_precision(pictures) == pytest.approx((1 + 2 / 3) / 3)


def test_a_face_counts_once_and_overlap_decides():
    assert detection.average_precision([([FACE], [(0.9, FACE), (0.8, FACE)])]) == 1
    assert detection.average_precision([([FACE], [(0.9, (20, 10, 20, 20))])]) == 0  # overlap 1/3
    assert detection.average_precision([([FACE], [(0.9, (20, 10, 20, 20))])], threshold=0.3) == 1
    assert detection.average_precision([([FACE], [])]) == 0
    assert np.isnan(detection.average_precision([([], [(0.9, FACE)])]))


def test_resampled_is_reproducible_and_centred(rng):
    pictures = [([FACE], [(0.9, FACE)] if k % 4 else []) for k in range(100)]
    mean, spread = resampling.resampled(detection.average_precision, pictures, rng=rng)
    assert mean == pytest.approx(0.75, abs=0.03) and 0.01 < spread < 0.1
    again = resampling.resampled(detection.average_precision, pictures, rng=np.random.default_rng(0))
    assert (mean, spread) == again
