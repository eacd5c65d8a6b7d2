"""Which losses act on which tensors, in both learning phases; backend-free.

All randomness (noise channel, interpolation points, ROI sizes, damage) comes in with the batch, drawn from the seed and
the step alone (`uunet.data`). So a step is a pure function of weights and batch: the same on TensorFlow and JAX,
and after a resume.
"""

from typing import NamedTuple

import keras
from keras import ops

from uunet import losses, pixels
from uunet.models import twin

TARGET = 1 / 48  # of the side, sigma of the spots that landmarks should be found as


class Networks(NamedTuple):
    """The four networks of Fig. 2."""

    encoder: keras.Model  # U_e
    decoder: keras.Model  # U_d
    critic: keras.Model  # D_f
    classifier: keras.Model  # D_a, frozen


def agreement(classifier, x, x_prime, training=False):
    """D_a(x, x') of Eq. 2: `(B, H, W, 3)` twice, in [0, 1] -> `(B, t)`."""
    pair = ops.concatenate([pixels.standardize(x), pixels.standardize(x_prime)], axis=-1)
    return classifier(pair, training=training)


def classifier_objective(classifier, batch):
    """Learning I: the loss of D_a, Eq. 3, and its terms to log.

    Args:
        batch: dict of `x`, `x_prime` float32 `(B, H, W, 3)` and `b`, `known` float32 `(B, t)`: which labels agree, and
            of which that is known.
    """
    b, known = batch["b"], batch["known"]
    b_hat = agreement(classifier, batch["x"], batch["x_prime"], training=True)
    loss = losses.pairwise_cross_entropy(b, b_hat, known)
    right = ops.cast(ops.equal(b_hat > 0.5, b > 0.5), known.dtype)
    accuracy = ops.sum(known * right) / ops.maximum(ops.sum(known), 1.0)
    return loss, {"ce": loss, "accuracy": accuracy}


def encode_decode(networks, channel, batch, draw):
    """a = U_e(x, noise) and r = U_d(a), a having gone through the channel if there is one.

    Args:
        channel: `uunet.channel.Channel`, or None for the paper's direct U_d(U_e(x)).
        batch: dict as in `generator_objective`.
        draw: int, which of the batch's independent draws of the randomness to use.

    Returns:
        a, r: float32 `(B, H, W, 3)` in [0, 1].
    """
    a = networks.encoder(ops.concatenate([batch["x"], batch["noise"][draw]], axis=-1), training=True)
    received = a if channel is None else channel(a, batch["order"][draw], batch["damage"][draw])
    return a, networks.decoder(received, training=True)


def critic_objective(networks, channel, config, batch, draw, input_gradient):
    """Learning II, the critic's turn: Eq. 6 with its gradient constraint.

    Eq. 6 is the sum of two Wasserstein critics, x against a and x against r; so is the constraint.

    Args:
        draw: int in 1..critic_steps.
        input_gradient: callable `(critic, images) -> gradients`, of the mean patch score; the backend's own.

    Returns:
        scalar to minimise, dict of scalars to log.
    """
    x = batch["x"]
    a, r = (ops.stop_gradient(fake) for fake in encode_decode(networks, channel, batch, draw))
    wasserstein = losses.critic_loss(*(networks.critic(image, training=True) for image in (x, a, r)))
    penalty = 0.0
    for fake, epsilon in ((a, batch["epsilon"][draw - 1, 0]), (r, batch["epsilon"][draw - 1, 1])):
        gradients = input_gradient(networks.critic, losses.interpolate(x, fake, epsilon))
        if config.penalty == "limit":
            penalty += losses.gradient_limit(gradients, config.delta_gp)
        else:
            penalty += losses.gradient_penalty(gradients)
    return wasserstein + config.penalty_weight * penalty, {"critic": wasserstein, "penalty": penalty}


def generator_objective(networks, channel, config, batch):
    """Learning II, the generators' turn: Eq. 13.

    Args:
        batch: dict of
            x: float32 `(B, H, W, 3)` in [0, 1], B = subjects x sequences x frames in that order,
            noise: float32 `(1 + critic_steps, B, H, W, 1)` of U(0, 1), one draw a sequence,
            epsilon: float32 `(critic_steps, 2, B, 1, 1, 1)` of U(0, 1),
            order, damage: what each pass meets in the channel, `channel.draw`.

    Returns:
        scalar to minimise, dict of the six unweighted terms to log.
    """
    x = batch["x"]
    a, r = encode_decode(networks, channel, batch, draw=0)
    ijk = ops.reshape(a, (-1, config.sequences, config.frames, *a.shape[1:]))
    next_frame = ops.reshape(ops.roll(ijk, 1, axis=2), ops.shape(a))  # a_ijk', k' != k
    next_sequence = ops.reshape(ops.roll(ijk, 1, axis=1), ops.shape(a))  # a_ij'k, j' != j
    terms = {
        "mse": losses.reconstruction_loss(x, r),
        "adv": losses.adversarial_loss(networks.critic(a, training=True), networks.critic(r, training=True)),
        "ano": losses.anonymization_loss(agreement(networks.classifier, x, a), config.s),
        "con": losses.consistency_loss(agreement(networks.classifier, a, next_frame)),
        "div": losses.diversity_loss(agreement(networks.classifier, a, next_sequence)),
        "dis": losses.distribution_loss(x, a, config.histogram_bins),
    }
    return losses.total_loss(terms, config.weights), terms


def drawing_objective(encoder, critic, roi, config, batch):
    """Learning from twins, first two stages: what U_e draws is pulled towards the twin, then sharpened by a critic.

        w_twin (E|t - twin| + E|grad t - grad twin|) [- w_adv E[D_f(t)]]
            + w_mask (E[cross-entropy(n, where x's head is)] + E[cross-entropy(o, where twin and x differ)])
            + w_place E[cross-entropy(p, where x's landmarks are)] + w_read E[cross-entropy(l, the labels)]

    Args:
        encoder: `models.twin_encoder`.
        critic: `models.patch_critic`, or None in the first stage.
        roi: `uunet.channel.Channel` of the ROI sizes, which does no damage.
        config: `config.TwinConfig`.
        batch: dict as `data.twin_batch` makes it: x, twin float32 `(B, H, W, 3)`, head float32 `(B, H, W, 1)`,
            landmarks float32 `(B, K, 2)`, person int32 `(B,)`, labels int32 `(B, 3)`, epsilon float32 `(B, 1, 1, 1)`;
            order, damage as `channel.draw` does.

    Returns:
        scalar to minimise, dict of scalars to log.
    """
    x, other = (roi(image, batch["order"], batch["damage"]) for image in (batch["x"], batch["twin"]))
    drawn = encoder.parts([x, ops.one_hot(batch["person"], twin.PEOPLE)], training=True)
    # both faces teach L: the virtual people's labels are known, too
    logits = encoder.read(ops.concatenate([x, other]), training=True)
    labels = ops.concatenate([batch["labels"], twin.labels_of(batch["person"])])
    terms = {
        "twin": ops.mean(ops.abs(drawn["t"] - other)) + losses.edge_loss(drawn["t"], other),
        "mask": losses.pairwise_cross_entropy(batch["head"], drawn["n"])
        + losses.pairwise_cross_entropy(losses.changed(batch["x"], batch["twin"]), drawn["o"]),
        "place": losses.place_loss(drawn["places"], twin.spots(batch["landmarks"], config.size, TARGET)),
        "read": sum(
            ops.mean(ops.sparse_categorical_crossentropy(labels[:, k], logit, from_logits=True))
            for k, logit in enumerate(logits)
        ),
    }
    if critic is not None:
        terms["adv"] = -ops.mean(critic(drawn["t"], training=True))  # Eq. 8, of t alone
    return sum(getattr(config, name) * term for name, term in terms.items()), terms


def drawing_critic_objective(encoder, critic, roi, config, batch, input_gradient):
    """The critic's turn in the second of them: rendered twins against drawn ones, with the penalty of [21].

        E[D_f(t)] - E[D_f(twin)] + penalty_weight `losses.gradient_penalty`

    Args:
        encoder, critic, roi, config, batch: as in `drawing_objective`.
        input_gradient: as in `critic_objective`.

    Returns:
        scalar to minimise, dict of scalars to log.
    """
    x, other = (roi(image, batch["order"], batch["damage"]) for image in (batch["x"], batch["twin"]))
    t = ops.stop_gradient(encoder.parts([x, ops.one_hot(batch["person"], twin.PEOPLE)], training=True)["t"])
    wasserstein = ops.mean(critic(t, training=True)) - ops.mean(critic(other, training=True))
    penalty = losses.gradient_penalty(input_gradient(critic, losses.interpolate(other, t, batch["epsilon"])))
    return wasserstein + config.penalty_weight * penalty, {"critic": wasserstein, "penalty": penalty}


def hiding_objective(encoder, decoder, roi, channel, config, batch):
    """Learning from twins, last stage: x is hidden in what U_e draws, and U_d returns it.

        w_mse E[(x - r)^2] + w_leak leak_loss(a - t, x - t)

    Args:
        encoder, decoder: `models.twin_encoder`, `models.twin_decoder`.
        roi, channel: `uunet.channel.Channel`s of the same ROI sizes; the first does no damage.
        config, batch: as in `drawing_objective`.

    Returns:
        scalar to minimise, dict of scalars to log.
    """
    way = batch["order"], batch["damage"]
    x = roi(batch["x"], *way)  # as the ROI shows it
    drawn = encoder.parts([x, ops.one_hot(batch["person"], twin.PEOPLE)], training=True)
    t = ops.stop_gradient(drawn["t"])
    r = decoder(channel(drawn["a"], *way), training=True)
    terms = {"mse": losses.reconstruction_loss(x, r), "leak": losses.leak_loss(drawn["a"] - t, x - t)}
    return sum(getattr(config, name) * term for name, term in terms.items()), terms
