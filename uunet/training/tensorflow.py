"""The training step on TensorFlow; `model.fit` runs it."""

import contextlib
import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
import tensorflow as tf

from uunet.pixels import Tensor
from uunet.training import trainer


def input_gradient(critic: Callable, images: Tensor) -> Tensor:
    """Gradient of the mean patch score of each image with respect to its pixels: `(B, H, W, 3)` -> the same."""
    with tf.GradientTape() as tape:
        tape.watch(images)
        score = tf.reduce_sum(tf.reduce_mean(critic(images, training=True), axis=(1, 2, 3)))
    return tape.gradient(score, images)


def outside(function: Callable, image: Tensor, quality: Tensor) -> Tensor:
    """A NumPy `function(image, quality)`, run outside of the graph: a tensor like `image`. No gradient passes."""
    return tf.ensure_shape(tf.numpy_function(function, [image, quality], image.dtype), image.shape)


def devices(names: Sequence[str]) -> contextlib.AbstractContextManager:
    """What is built in this context is on all these devices, and all of them compute a step together."""
    return _strategy(tuple(names)).scope()


@functools.cache  # a second strategy would take remaining messages of the first one for its own
def _strategy(names):
    return tf.distribute.MirroredStrategy(names)


def together(function: Callable) -> Callable:
    """`function(images, *others)` for the images of the whole batch, of which every device holds a share.

    Every device computes the whole function, and keeps its share of the result.
    """
    count = tf.distribute.get_strategy().num_replicas_in_sync

    def of_share(images, *others):
        here = tf.distribute.get_replica_context()
        whole = tf.ensure_shape(here.all_gather(images, axis=0), (count * images.shape[0], *images.shape[1:]))
        shares = tf.split(function(whole, *others), count)
        return tf.gather(shares, here.replica_id_in_sync_group)

    return function if count == 1 else of_share


class Trainer(trainer.Trainer):
    """`trainer.Trainer` with gradients from tf.GradientTape."""

    def __init__(self, networks: Iterable[keras.Model], *arguments: Any, **named: Any) -> None:
        super().__init__(networks, *arguments, **named)
        self.shares = self.distribute_strategy.num_replicas_in_sync
        for layer in (layer for network in networks for layer in network.layers):
            if self.shares > 1 and isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = True  # statistics of the whole batch

    def train_step(self, data: tuple[dict]) -> dict:
        (batch,) = data
        for update in self.updates(batch):
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch([variable.value for variable in update.variables])
                loss, terms = update.objective()
                loss /= self.shares  # the optimiser adds up the gradients of all shares
            gradients = tape.gradient(loss, [variable.value for variable in update.variables])
            update.optimizer.apply(gradients, update.variables)
            for name, value in terms.items():
                self.trackers[name].update_state(value)
        return {name: tracker.result() for name, tracker in self.trackers.items()}
