"""Loading batches into training: the next ones are made in threads while a step is computed.

`keras.utils.PyDataset` also makes batches ahead, but does not fit this training. On TensorFlow it declares the first
axis of every array as unknown, but the channel deals out the heads of a batch to ROI sizes by their known number. On
several devices it splits every array along the first axis, but that of `noise` and `epsilon` counts passes, and every
device needs the whole `order`. And at the end of every epoch it stops its workers and starts new ones.
"""

import collections
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from typing import Any

import numpy as np


def batches(make_batch: Callable[[int], dict], steps: Sequence[int], ahead: int = 3) -> Iterator[tuple[dict]]:
    """Batches as NumPy arrays, in order; the next ones are made in the background.

    Args:
        make_batch: callable `step -> dict` of arrays, a pure function.
        steps: range.
        ahead: int, how many batches are made before they are requested; 0: none.

    Yields:
        `(dict,)`, as `keras.Model.fit` takes it.
    """
    with futures.ThreadPoolExecutor(max_workers=2) as pool:
        coming = collections.deque()
        for step in steps:
            coming.append(pool.submit(make_batch, step))
            if len(coming) > ahead:
                yield (coming.popleft().result(),)
        while coming:
            yield (coming.popleft().result(),)


def dataset(make_batch: Callable[[int], dict], steps: Sequence[int]) -> Any:
    """The same batches as a `tf.data.Dataset`, for TensorFlow; arguments and elements as in `batches`.

    Where `training.trainer.devices` trains on several devices, each gets its share of every batch.
    """
    import tensorflow as tf  # not needed on JAX

    strategy = tf.distribute.get_strategy()
    count = strategy.num_replicas_in_sync

    def shares():
        for (batch,) in batches(make_batch, steps):
            for k in range(count):
                yield (share(batch, k, count),)

    first = share(make_batch(steps[0]), 0, count)
    shapes = {name: tf.TensorSpec(value.shape, value.dtype) for name, value in first.items()}
    made = tf.data.Dataset.from_generator(shares, output_signature=(shapes,)).prefetch(count)
    return made if count == 1 else strategy.distribute_datasets_from_function(lambda _: made)


def heads_axis(shape: tuple[int, ...]) -> int:
    """Which axis of an array of a batch counts heads: the one before height, width and channels, or the first."""
    return max(0, len(shape) - 4)


def share(batch: dict, k: int, count: int) -> dict:
    """The k-th of `count` equal shares of a batch; each has the conditions of the channel as a whole."""
    return {
        name: value if name in ("order", "degradation") else np.split(value, count, heads_axis(value.shape))[k]
        for name, value in batch.items()
    }
