"""The training step on TensorFlow; `model.fit` runs it."""

import tensorflow as tf

from uunet.training import trainer


def input_gradient(critic, images):
    """Gradient of the mean patch score of each image with respect to its pixels: `(B, H, W, 3)` -> the same."""
    with tf.GradientTape() as tape:
        tape.watch(images)
        score = tf.reduce_sum(tf.reduce_mean(critic(images, training=True), axis=(1, 2, 3)))
    return tape.gradient(score, images)


def outside(function, image, quality):
    """`function(image, quality)` of NumPy, outside of the graph: a tensor like `image`. No gradient passes."""
    return tf.ensure_shape(tf.numpy_function(function, [image, quality], image.dtype), image.shape)


class Trainer(trainer.Trainer):
    """`trainer.Trainer` with gradients by tf.GradientTape."""

    def train_step(self, data):
        (batch,) = data
        for update in self.updates(batch):
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch([variable.value for variable in update.variables])
                loss, terms = update.objective()
            gradients = tape.gradient(loss, [variable.value for variable in update.variables])
            update.optimizer.apply(gradients, update.variables)
            for name, value in terms.items():
                self.trackers[name].update_state(value)
        return {name: tracker.result() for name, tracker in self.trackers.items()}
