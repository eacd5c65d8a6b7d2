"""Which losses act on which tensors in each learning phase; independent of the backend.

All randomness (noise channel, interpolation points, ROI sizes, degradation) comes with the batch, sampled from the seed
and the step alone (`uunet.data`). So a step is a pure function of weights and batch: the same on TensorFlow and JAX,
and after a resume.
"""

from collections.abc import Callable
from typing import NamedTuple

import keras
from keras import ops

from uunet import losses, pixels
from uunet.config import AdversarialConfig, TwinConfig
from uunet.models import twin
from uunet.pixels import Tensor

Objective = tuple[Tensor, dict[str, Tensor]]  # the scalar to minimise; the scalars to log
TARGET = 1 / 48  # of the side, sigma of the heat maps that the places of landmarks are trained on


class Networks(NamedTuple):
    """The four networks of Fig. 2."""

    encoder: keras.Model  # U_e
    decoder: keras.Model  # U_d
    critic: keras.Model  # D_f
    classifier: keras.Model  # D_a, frozen


def agreement(classifier: keras.Model, x: Tensor, x_prime: Tensor, training: bool = False) -> Tensor:
    """D_a(x, x') of Eq. 2: `(B, H, W, 3)` twice, in [0, 1] -> `(B, t)` in [0, 1]."""
    pair = ops.concatenate([pixels.standardize(x), pixels.standardize(x_prime)], axis=-1)
    return classifier(pair, training=training)


def classifier_objective(classifier: keras.Model, batch: dict) -> Objective:
    """Learning I: the loss of D_a, Eq. 3.

    Args:
        classifier: D_a.
        batch: dict of `x`, `x_prime` float32 `(B, H, W, 3)` and `b`, `known` float32 `(B, t)`: which labels agree, and
            for which that is known.

    Returns:
        scalar to minimise, dict of scalars to log.
    """
    b, known = batch["b"], batch["known"]
    b_hat = agreement(classifier, batch["x"], batch["x_prime"], training=True)
    loss = losses.pairwise_cross_entropy(b, b_hat, known)
    right = ops.cast(ops.equal(b_hat > 0.5, b > 0.5), known.dtype)
    accuracy = ops.sum(known * right) / ops.maximum(ops.sum(known), 1.0)
    return loss, {"ce": loss, "accuracy": accuracy}


def encode_decode(networks: Networks, channel: Callable | None, batch: dict, sample: int) -> tuple[Tensor, Tensor]:
    """a = U_e(x, noise) and r = U_d(a), where a passes through the channel if there is one.

    Args:
        networks: Networks.
        channel: `uunet.channel.simulation.Channel`, or None for the paper's direct U_d(U_e(x)).
        batch: dict as in `generator_objective`.
        sample: int, which of the batch's independent samples of noise and conditions to use.

    Returns:
        a, r: float32 `(B, H, W, 3)` in [0, 1].
    """
    a = networks.encoder(ops.concatenate([batch["x"], batch["noise"][sample]], axis=-1), training=True)
    received = a if channel is None else channel(a, batch["order"][sample], batch["degradation"][sample])
    return a, networks.decoder(received, training=True)


def critic_objective(
    networks: Networks,
    channel: Callable | None,
    config: AdversarialConfig,
    batch: dict,
    sample: int,
    input_gradient: Callable,
) -> Objective:
    """Learning II, the critic's turn: Eq. 6 with its gradient constraint.

    Eq. 6 is the sum of two Wasserstein critics, x against a and x against r; so is the constraint.

        L_adv1 + penalty_weight (penalty at x^ between x and a + penalty at x^ between x and r)

    Args:
        networks, channel, config, batch: as in `generator_objective`.
        sample: int in 1..critic_steps, as in `encode_decode`.
        input_gradient: callable `(critic, images) -> gradients`, of the mean patch score; the backend's own.

    Returns:
        scalar to minimise, dict of scalars to log.
    """
    x = batch["x"]
    a, r = (ops.stop_gradient(fake) for fake in encode_decode(networks, channel, batch, sample))
    wasserstein = losses.critic_loss(*(networks.critic(image, training=True) for image in (x, a, r)))
    penalty = 0.0
    for fake, epsilon in ((a, batch["epsilon"][sample - 1, 0]), (r, batch["epsilon"][sample - 1, 1])):
        gradients = input_gradient(networks.critic, losses.interpolate(x, fake, epsilon))
        if config.penalty == "limit":
            penalty += losses.gradient_limit(gradients, config.delta_gp)
        else:
            penalty += losses.gradient_penalty(gradients)
    return wasserstein + config.penalty_weight * penalty, {"critic": wasserstein, "penalty": penalty}


def generator_objective(
    networks: Networks, channel: Callable | None, config: AdversarialConfig, batch: dict
) -> Objective:
    """Learning II, the generators' turn: Eq. 13.

    Args:
        networks: Networks.
        channel: `uunet.channel.simulation.Channel`, or None.
        config: `config.AdversarialConfig`.
        batch: dict of
            x: float32 `(B, H, W, 3)` in [0, 1], B = subjects x sequences x frames in that order,
            noise: float32 `(1 + critic_steps, B, H, W, 1)` of U(0, 1), the same in all frames of a sequence,
            epsilon: float32 `(critic_steps, 2, B, 1, 1, 1)` of U(0, 1),
            order, degradation: the conditions of each pass through the channel, `simulation.sample_conditions`.

    Returns:
        scalar to minimise, dict of the six unweighted terms to log.
    """
    x = batch["x"]
    a, r = encode_decode(networks, channel, batch, sample=0)
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


def generation_objective(
    encoder: keras.Model, critic: keras.Model | None, roi: Callable, config: TwinConfig, batch: dict
) -> Objective:
    """Learning from twins, generation and refinement: the generated twin t is trained on the paired target.

        L = w_twin L_twin + w_mask L_mask + w_place L_place + w_read L_read [+ w_adv L_adv]

        L_twin  = E|t - twin| + L_edge(t, twin)
        L_mask  = L_ce(where x's head is, n) + L_ce(where twin and x differ, o)
        L_place = cross-entropy of p and the places of x's landmarks
        L_read  = cross-entropies of l and the labels, of both people
        L_adv   = -E[D_f(t)]

    Args:
        encoder: `models.twin_encoder`; t, n, o, p and l are explained there.
        critic: `models.patch_critic`, or None for generation without a critic.
        roi: `uunet.channel.simulation.Channel` of the ROI sizes, without degradation.
        config: `config.TwinConfig`.
        batch: dict as `data.twin_batch` makes it: x, twin float32 `(B, H, W, 3)`, head float32 `(B, H, W, 1)`,
            landmarks float32 `(B, K, 2)`, person int32 `(B,)`, labels int32 `(B, 3)`, epsilon float32 `(B, 1, 1, 1)`;
            order, degradation as in `simulation.sample_conditions`.

    Returns:
        scalar to minimise, dict of scalars to log.
    """
    x, other = (roi(image, batch["order"], batch["degradation"]) for image in (batch["x"], batch["twin"]))
    made = encoder.parts([x, ops.one_hot(batch["person"], twin.PEOPLE)], training=True)
    # L is trained on both people: the labels of the virtual person are known, too
    logits = encoder.read(ops.concatenate([x, other]), training=True)
    labels = ops.concatenate([batch["labels"], twin.labels_of(batch["person"])])
    differs = losses.changed(batch["x"], batch["twin"])
    terms = {
        "twin": losses.generation_loss(made["t"], other),
        # L_mask = L_ce(where x's head is, n) + L_ce(where twin and x differ, o)
        "mask": losses.pairwise_cross_entropy(batch["head"], made["n"])
        + losses.pairwise_cross_entropy(differs, made["o"]),
        "place": losses.place_loss(made["places"], twin.spots(batch["landmarks"], config.size, TARGET)),
        # L_read = sum over labels of E[ -log softmax(l)_label ]
        "read": sum(
            ops.mean(ops.sparse_categorical_crossentropy(labels[:, k], logit, from_logits=True))
            for k, logit in enumerate(logits)
        ),
    }
    # L = w_twin L_twin + w_mask L_mask + w_place L_place + w_read L_read
    total = (
        config.twin * terms["twin"]
        + config.mask * terms["mask"]
        + config.place * terms["place"]
        + config.read * terms["read"]
    )
    if critic is not None:
        terms["adv"] = -ops.mean(critic(made["t"], training=True))  # -E[D_f(t)], Eq. 8 of t alone
        total = total + config.adv * terms["adv"]
    return total, terms


def generation_critic_objective(
    encoder: keras.Model,
    critic: keras.Model,
    roi: Callable,
    config: TwinConfig,
    batch: dict,
    input_gradient: Callable,
) -> Objective:
    """Learning from twins, the critic's turn in refinement: paired targets against generated twins.

        E[D_f(t)] - E[D_f(twin)] + penalty_weight E[ (||grad D_f(x^)||_2 - 1)^2 ]

    Args:
        encoder, critic, roi, config, batch: as in `generation_objective`.
        input_gradient: as in `critic_objective`.

    Returns:
        scalar to minimise, dict of scalars to log.
    """
    x, other = (roi(image, batch["order"], batch["degradation"]) for image in (batch["x"], batch["twin"]))
    t = ops.stop_gradient(encoder.parts([x, ops.one_hot(batch["person"], twin.PEOPLE)], training=True)["t"])
    # E[D_f(t)] - E[D_f(twin)]
    wasserstein = ops.mean(critic(t, training=True)) - ops.mean(critic(other, training=True))
    penalty = losses.gradient_penalty(input_gradient(critic, losses.interpolate(other, t, batch["epsilon"])))
    return wasserstein + config.penalty_weight * penalty, {"critic": wasserstein, "penalty": penalty}


def embedding_objective(
    encoder: keras.Model, decoder: keras.Model, roi: Callable, channel: Callable, config: TwinConfig, batch: dict
) -> Objective:
    """Learning from twins, embedding: x is embedded in the generated twin t, and U_d reconstructs it.

        L = w_mse E[(x - r)^2] + w_leak L_leak(a - t, x - t)

    Args:
        encoder, decoder: `models.twin_encoder`, `models.twin_decoder`.
        roi, channel: `uunet.channel.simulation.Channel`s of the same ROI sizes; the first without degradation.
        config: as in `generation_objective`.
        batch: dict as `data.embedding_batch` makes it.

    Returns:
        scalar to minimise, dict of scalars to log.
    """
    conditions = batch["order"], batch["degradation"]
    x = roi(batch["x"], *conditions)  # as the ROI shows it
    made = encoder.parts([x, ops.one_hot(batch["person"], twin.PEOPLE)], training=True)
    t = ops.stop_gradient(made["t"])
    r = decoder(channel(made["a"], *conditions), training=True)
    terms = {"mse": losses.reconstruction_loss(x, r), "leak": losses.leak_loss(made["a"] - t, x - t)}
    # L = w_mse L_mse + w_leak L_leak
    return config.mse * terms["mse"] + config.leak * terms["leak"], terms
