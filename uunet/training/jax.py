"""The training step on JAX: the same updates, with every variable's value passed in and out."""

import itertools

import jax
import jax.numpy as jnp
import keras

from uunet.training import trainer


def input_gradient(critic, images):
    """Gradient of the mean patch score of each image with respect to its pixels: `(B, H, W, 3)` -> the same."""
    return jax.grad(lambda x: jnp.sum(jnp.mean(critic(x, training=True), axis=(1, 2, 3))))(images)


class Trainer(trainer.Trainer):
    """`trainer.Trainer` with gradients by jax.value_and_grad."""

    def train_step(self, state, data):
        (batch,) = data
        groups = (
            self.trainable_variables, self.non_trainable_variables, self.optimizer.variables, self.metrics_variables
        )
        values = dict(zip(map(id, itertools.chain(*groups)), itertools.chain(*state)))

        def current(variables):
            return [values[id(variable)] for variable in variables]

        for update in self.updates(batch):

            def loss(trained):
                fixed = [*self.trainable_variables, *self.non_trainable_variables]
                mapping = [*zip(fixed, current(fixed)), *zip(update.variables, trained)]  # the later pair wins
                with keras.StatelessScope(state_mapping=mapping) as scope:
                    total, terms = update.objective()
                moved = {id(v): scope.get_current_value(v) for v in self.non_trainable_variables}
                return total, (terms, moved)

            gradients, (terms, moved) = jax.grad(loss, has_aux=True)(current(update.variables))
            values |= moved  # moving statistics and dropout seeds
            trained, optimizer_state = update.optimizer.stateless_apply(
                current(update.optimizer.variables), gradients, current(update.variables)
            )
            values |= zip(map(id, update.variables), trained)
            values |= zip(map(id, update.optimizer.variables), optimizer_state)
            for name, value in terms.items():
                tracker = self.trackers[name]
                new = tracker.stateless_update_state(current(tracker.variables), value)
                values |= zip(map(id, tracker.variables), new)
        logs = {name: t.stateless_result(current(t.variables)) for name, t in self.trackers.items()}
        return logs, tuple(current(group) for group in groups)
