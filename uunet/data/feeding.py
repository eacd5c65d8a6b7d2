"""Batches made while the step before them is computed."""

import collections
from concurrent import futures


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
    """The same batches as a `tf.data.Dataset`, for TensorFlow; arguments and elements as in `batches`."""
    import tensorflow as tf  # not needed on JAX

    first = make_batch(steps[0])
    shapes = {name: tf.TensorSpec(value.shape, value.dtype) for name, value in first.items()}
    made = tf.data.Dataset.from_generator(lambda: batches(make_batch, steps), output_signature=(shapes,))
    return made.prefetch(1)
