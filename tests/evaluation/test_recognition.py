import numpy as np
import pytest

from uunet.evaluation import recognition


def test_decidability_is_equation_14():
    genuine, impostor = np.array([4.0, 6.0]), np.array([0.0, 2.0])  # means 5 and 1, variances 1 and 1
    assert recognition.decidability(genuine, impostor) == pytest.approx(4 / np.sqrt(2))
    assert recognition.daugman_decidability(genuine, impostor) == pytest.approx(4.0)


def test_swapping_the_sides_changes_the_sign(rng):
    a, b = rng.normal(size=50), rng.normal(1, 2, size=70)
    assert recognition.decidability(a, b) == pytest.approx(-recognition.decidability(b, a))
