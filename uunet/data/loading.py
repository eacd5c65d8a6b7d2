"""Batches made while the step before them is computed."""

import collections
from concurrent import futures

import numpy as np


def batches(make_batch, steps, ahead=3):
    """Batches as NumPy arrays, each made in the background while those before it are used.

    Args:
        make_batch: callable `step -> dict` of arrays, a pure function.
        steps: range.
        ahead: int, batches made before they are asked for; 0: none.

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


def dataset(make_batch, steps):
    """The same batches as a `tf.data.Dataset`, for TensorFlow; arguments and elements as in `batches`.

    Where `training.trainer.devices` makes several devices train, each is given its share of every batch.
    """
    import tensorflow as tf  # not needed on JAX

    strategy = tf.distribute.get_strategy()
    count = strategy.num_replicas_in_sync

    def in_turn():
        for (batch,) in batches(make_batch, steps):
            for k in range(count):
                yield (share(batch, k, count),)

    first = share(make_batch(steps[0]), 0, count)
    shapes = {name: tf.TensorSpec(value.shape, value.dtype) for name, value in first.items()}
    made = tf.data.Dataset.from_generator(in_turn, output_signature=(shapes,)).prefetch(count)
    return made if count == 1 else strategy.distribute_datasets_from_function(lambda _: made)


def heads_axis(shape):
    """Which axis of an array of a batch counts heads: that before height, width and channels, or the first."""
    return max(0, len(shape) - 4)


def share(batch, k, count):
    """The k-th of `count` equal shares of a batch; what the channel does, `order` and `damage`, is in each of them."""
    return {
        name: value if name in ("order", "damage") else np.split(value, count, heads_axis(value.shape))[k]
        for name, value in batch.items()
    }
