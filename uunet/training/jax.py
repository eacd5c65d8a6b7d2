"""The training step on JAX: the same updates, with the values of all variables passed in and out."""

import contextlib
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import keras
import numpy as np

from uunet import data
from uunet.pixels import Tensor
from uunet.training import trainer


def input_gradient(critic: Callable, images: Tensor) -> Tensor:
    """Gradient of the mean patch score of each image with respect to its pixels: `(B, H, W, 3)` -> the same."""
    return jax.grad(lambda x: jnp.sum(jnp.mean(critic(x, training=True), axis=(1, 2, 3))))(images)


def outside(function: Callable, image: Tensor, quality: Tensor) -> Tensor:
    """A NumPy `function(image, quality)`, run outside of the graph: a tensor like `image`. No gradient passes."""
    result = jax.ShapeDtypeStruct(image.shape, image.dtype)
    return jax.pure_callback(lambda *values: function(*map(np.asarray, values)), result, image, quality)


def devices(names: Sequence[str]) -> contextlib.AbstractContextManager:
    """What is built in this context is on all these devices, and all of them compute a step together."""
    return _Shares(devices=names).scope()


class _Shares(keras.distribution.DataParallel):
    def get_data_layout(self, data_shape):
        """On which devices the parts of an array are; the result of a computation does not depend on it."""
        axes, heads = [None] * len(data_shape), data.heads_axis(data_shape)
        if data_shape[heads] % self.num_model_replicas == 0:  # else it holds conditions of the channel, and is small
            axes[heads] = self.batch_dim_name
        return keras.distribution.TensorLayout(axes, self.device_mesh)


def together(function: Callable) -> Callable:
    """`function(images, *others)` for the images of the whole batch. A no-op: on JAX it always sees the whole batch."""
    return function


class Trainer(trainer.Trainer):
    """`trainer.Trainer` with gradients from jax.grad."""

    def train_step(self, state: tuple, data: tuple[dict]) -> tuple[dict, tuple]:
        (batch,) = data
        groups = (
            self.trainable_variables,
            self.non_trainable_variables,
            self.optimizer.variables,
            self.metrics_variables,
        )
        values = {}  # id of a variable -> its value so far in this step
        for variables, new in zip(groups, state, strict=True):
            _put(values, variables, new)
        for update in self.updates(batch):
            gradients, (terms, moved) = self._gradients(update, values)
            _put(values, self.non_trainable_variables, moved)  # moving statistics and dropout seeds
            trained, optimizer_state = update.optimizer.stateless_apply(
                _get(values, update.optimizer.variables), gradients, _get(values, update.variables)
            )
            _put(values, update.variables, trained)
            _put(values, update.optimizer.variables, optimizer_state)
            for name, value in terms.items():
                tracker = self.trackers[name]
                new = tracker.stateless_update_state(_get(values, tracker.variables), value)
                _put(values, tracker.variables, new)
        logs = {name: t.stateless_result(_get(values, t.variables)) for name, t in self.trackers.items()}
        return logs, tuple(_get(values, variables) for variables in groups)

    def _gradients(self, update, values):
        """Gradients of an update's objective; its terms, and the new values of non-trainable variables."""
        weights = [*self.trainable_variables, *self.non_trainable_variables]

        def loss(trained):
            here = dict(values)
            _put(here, update.variables, trained)
            with keras.StatelessScope(list(zip(weights, _get(here, weights), strict=True))) as scope:
                total, terms = update.objective()
            return total, (terms, [scope.get_current_value(v) for v in self.non_trainable_variables])

        return jax.grad(loss, has_aux=True)(_get(values, update.variables))


def _get(values, variables):
    return [values[id(variable)] for variable in variables]


def _put(values, variables, new):
    values.update(zip(map(id, variables), new, strict=True))
