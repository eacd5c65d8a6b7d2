"""Feeding batches to training: all of them, in order, made ahead."""

import numpy as np
import pytest

from tests.data.crowds import BATCH
from uunet import data

FEEDS = {
    "NumPy": data.batches,
    "NumPy, not ahead": lambda make_batch, steps: data.batches(make_batch, steps, ahead=0),
    "tf.data": lambda make_batch, steps: data.dataset(make_batch, steps).as_numpy_iterator(),
}


@pytest.mark.parametrize("feed", FEEDS)
def test_feeding_gives_every_batch_in_order(heads, feed):
    steps = range(2, 9)  # a resumed run
    fed = list(FEEDS[feed](lambda step: data.sequence_batch(heads, BATCH, step), steps))
    assert len(fed) == len(steps)
    for step, (batch,) in zip(steps, fed, strict=True):
        wanted = data.sequence_batch(heads, BATCH, step)
        assert batch.keys() == wanted.keys()
        for name, value in wanted.items():
            assert batch[name].dtype == value.dtype
            np.testing.assert_array_equal(batch[name], value)


def test_feeding_works_ahead_and_passes_errors_on():
    made = []

    def make(step):
        made.append(step)
        if step == 5:
            raise data.DataError("the sixth is missing")
        return step

    fed = data.batches(make, range(100), ahead=3)
    assert next(fed) == (0,) and len(made) <= 4  # and no further than that
    with pytest.raises(data.DataError, match="the sixth is missing"):
        list(fed)
    assert set(range(6)) <= set(made) <= set(range(9))
