"""The published code's step of learning II as a plain `train_step`: training times are compared with its times.

It follows the description of that code in REPRODUCTION.md. Each network has a gradient tape of its own, for which U_e
and U_d run again; D_a and D_f are called once per loss. TensorFlow only.
"""

import keras
import tensorflow as tf

from uunet import config, losses
from uunet.training import objective, trainer

cross_entropy = keras.losses.BinaryCrossentropy()


class PublishedStep(keras.Model):
    """Trains on batches like those of `uunet.training.adversarial`: x, noise and epsilon.

    Args:
        networks: what `adversarial.build_networks` returns.
        settings: numbers of the paper's configuration; `critic_steps`, `penalty_weight`, optimisers and so on.
    """

    def __init__(self, networks: objective.Networks, settings: config.AdversarialConfig) -> None:
        super().__init__()
        self.encoder, self.decoder, self.critic, self.classifier = networks
        self.settings = settings
        self.critic_optimizer = trainer.build_optimizer(settings.critic_optimizer)
        self.encoder_optimizer = trainer.build_optimizer(settings.generator_optimizer)
        self.decoder_optimizer = trainer.build_optimizer(settings.generator_optimizer)
        self.compile(jit_compile=False)
        self.built = True

    def train_step(self, data):
        (batch,) = data
        x = batch["x"]
        for step in range(1, self.settings.critic_steps + 1):
            critic_loss = self.train_critic(x, batch["noise"][step], batch["epsilon"][step - 1])
        with_noise = tf.concat([x, batch["noise"][0]], axis=-1)
        with tf.GradientTape() as tape:
            a = self.encoder(with_noise, training=True)
            r = self.decoder(a, training=True)
            encoder_loss = self.appearance_loss(x, a) + self.reconstruction_loss(x, r)
        _descend(self.encoder_optimizer, self.encoder, tape, encoder_loss)
        with tf.GradientTape() as tape:
            r = self.decoder(self.encoder(with_noise, training=True), training=True)
            decoder_loss = self.reconstruction_loss(x, r)
        _descend(self.decoder_optimizer, self.decoder, tape, decoder_loss)
        return {"critic": critic_loss, "encoder": encoder_loss, "decoder": decoder_loss}

    def train_critic(self, x, noise, epsilon):
        """One step of D_f; returns its loss."""
        a = self.encoder(tf.concat([x, noise], axis=-1), training=True)
        r = self.decoder(a, training=True)
        with tf.GradientTape() as tape:
            real, of_a, of_r = (tf.sigmoid(self.critic(image, training=True)) for image in (x, a, r))
            loss = 2 * cross_entropy(tf.ones_like(real), real)
            loss += cross_entropy(tf.zeros_like(of_a), of_a) + cross_entropy(tf.zeros_like(of_r), of_r)
            for fake, share in zip((a, r), tf.unstack(epsilon), strict=True):
                loss += self.settings.penalty_weight * self.penalty(losses.interpolate(x, fake, share))
        _descend(self.critic_optimizer, self.critic, tape, loss)
        return loss

    def penalty(self, between):
        """The gradient penalty of D_f at pictures between real and fake ones."""
        with tf.GradientTape() as tape:
            tape.watch(between)
            score = tf.sigmoid(self.critic(between, training=True))
        return losses.gradient_penalty(tape.gradient(score, between))

    def appearance_loss(self, x, a):
        """What a must look like: real, another person than x, one person per sequence."""
        score = tf.sigmoid(self.critic(a, training=True))
        loss = cross_entropy(tf.ones_like(score), score) + tf.reduce_mean(self.agreement(x, a))
        other = tf.roll(a, self.settings.frames * self.settings.sequences, axis=0)  # another subject's
        loss += tf.reduce_mean(self.agreement(a, other))
        next_frame = tf.roll(a, 1, axis=0)
        return loss - tf.reduce_mean(self.agreement(a, next_frame)) + losses.distribution_loss(x, a)

    def reconstruction_loss(self, x, r):
        """What r must look like: x."""
        score = tf.sigmoid(self.critic(r, training=True))
        squares = tf.reduce_mean(tf.square(x - r))
        loss = self.settings.weights.mse * squares - tf.reduce_mean(self.agreement(x, r))
        return loss + cross_entropy(tf.ones_like(score), score) + losses.distribution_loss(x, r)

    def agreement(self, x, y):
        """D_a(x, y)."""
        return objective.agreement(self.classifier, x, y)


def _descend(optimizer, network, tape, loss):
    gradients = tape.gradient(loss, network.trainable_variables)
    optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
