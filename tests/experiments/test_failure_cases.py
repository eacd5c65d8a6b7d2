"""Measures of confidence in closed form."""

from types import SimpleNamespace

import numpy as np
import pytest

from tests.experiments.test_degradation import unchanged
from tests.experiments.test_experiments import compute, context
from uunet.experiments import failure_cases


def errs(some, width, seed=1):
    """x with noise in each head, of a deviation of its own."""
    noise = np.random.default_rng(seed).normal(0, 1, some.shape)
    return np.clip(some + noise * np.asarray(width)[:, None, None, None], 0, 255).astype(np.uint8)


@pytest.fixture
def made():
    """x is grey; r of head k has noise of k levels: the rougher r is, the wronger."""
    grey = np.full((18, 64, 64, 3), 128, np.uint8)
    made = context(x=grey, a=grey, r=errs(grey, np.arange(1, 19)))
    made.heads.images[:] = grey
    made.__dict__["networks"] = (SimpleNamespace(encoder=unchanged(4), decoder=unchanged(3)), {})
    return made


def test_a_measure_that_knows(made):
    """Confidence falls as error grows: 1, in every draw of people; the tenths rise; best and worst are the ends."""
    record = compute(failure_cases, made)
    assert record["spearman"]["smooth"] == {"value": pytest.approx(1), "interval": [pytest.approx(1)] * 2}
    means = [tenth["psnr"]["value"] for tenth in record["tenths"]]
    assert means == sorted(means) and sum(tenth["heads"] for tenth in record["tenths"]) == 18 == record["heads"]
    assert record["best"] == [0, 6, 12] and record["worst"] == [17, 11, 5]  # one of each of the 3 people
    # U_d here returns what it sees: r of a moved or mirrored is a, or the same for every head
    assert record["spearman"]["steady"]["value"] == pytest.approx(0, abs=0.6)
    axes = failure_cases.plot(record, made).axes
    assert "surer than 94%" in [axis.get_title() for axis in axes if "surer" in axis.get_title()][0]
    assert len(axes) == 2 + 2 * 3 * 4


def test_each_measure_by_hand(made):
    """Of networks that return what they see."""
    a, r = made.version("a"), made.version("r")
    assert (np.diff(failure_cases.smooth(made, a, r)) < 0).all()
    assert (np.diff(failure_cases.mirrored(made, a, r)) < 0).all()  # U_d of the mirrored grey is grey
    np.testing.assert_allclose(failure_cases.again(made, a, r), 10 * np.log10(255**2 * 12))  # r comes back as it is
    moved = np.std(np.random.default_rng(0).integers(-1, 2, (failure_cases.TIMES, 10_000)), axis=0).mean()
    np.testing.assert_allclose(failure_cases.steady(made, a, r), -moved, rtol=0.02)


def test_ranks_of_what_is_all_alike_or_too_few_say_nothing():
    line = np.arange(4.0)
    assert failure_cases.rank_correlation(line, line**3, np.ones(4, int)) == pytest.approx(1)
    assert failure_cases.rank_correlation(line, -line, np.array([2, 1, 1, 0])) == pytest.approx(-1)
    assert np.isnan(failure_cases.rank_correlation(line, np.ones(4), np.ones(4, int)))
    assert np.isnan(failure_cases.rank_correlation(line, line, np.array([1, 1, 0, 0])))
