"""The paper's losses, one pure function per equation. They use `keras.ops` only, so every backend computes the same.

b of Eq. 1 is data, computed beside the training and not in it, so it is plain NumPy.

Shapes: images `(B, H, W, 3)` float32 in [0, 1]; agreements `(B, t)` = D_a(., .) in [0, 1]; critic scores
`(B, h, w, 1)` unbounded. Every loss is a float32 scalar, unitless. E[.] is the mean over the batch.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from keras import ops

from uunet.config import LossWeights
from uunet.pixels import Tensor

EPSILON = 1e-7  # keeps logarithms, roots and quotients finite


def same_labels(labels: np.ndarray, labels_prime: np.ndarray) -> np.ndarray:
    """b of Eq. 1: 1 where two images share a label, 0 where they do not.

        b = [1{l_1 == l'_1}, ..., 1{l_t == l'_t}]

    Args:
        labels, labels_prime: int `(B, t)`, label codes of x and x'.

    Returns:
        float32 `(B, t)`.
    """
    # b = [1{l_1 == l'_1}, ..., 1{l_t == l'_t}]
    return np.equal(labels, labels_prime).astype(np.float32)


def pairwise_cross_entropy(b: Tensor, b_hat: Tensor, known: Tensor | None = None) -> Tensor:
    """D_a's loss.

    Paper: Eq. 3. Eq. 4 minimises it (L_cc there is a misprint of L_ce):

        L_ce = E[ -b^T log(b_hat) - (1 - b)^T log(1 - b_hat) ]

    Args:
        b: float32 `(B, t)` of 0 and 1, from `same_labels`.
        b_hat: float32 `(B, t)` in [0, 1], D_a(x, x').
        known: float32 `(B, t)`, 1 where both images' labels are known, else 0; terms with 0 are left out of the sum.
            None: all are known, as in the paper.

    Returns:
        Scalar float32, unitless.
    """
    b_hat = ops.clip(b_hat, EPSILON, 1 - EPSILON)
    # -b log(b_hat) - (1 - b) log(1 - b_hat), per label
    each = -b * ops.log(b_hat) - (1 - b) * ops.log(1 - b_hat)
    return ops.mean(ops.sum(each if known is None else known * each, axis=-1))


def reconstruction_loss(x: Tensor, r: Tensor) -> Tensor:
    """The distance of the reconstruction r = U_d(U_e(x)) from x.

    Paper: Eq. 5, which prints an l2 norm and calls it mse; the name and the published code say mse (REPRODUCTION.md):

        L_mse = E[ (x - r)^2 ], mean over pixels and channels

    Args:
        x, r: float32 `(B, H, W, 3)` in [0, 1].

    Returns:
        Scalar float32, unitless.
    """
    # L_mse = E[ (x - r)^2 ]
    return ops.mean(ops.square(x - r))


def critic_loss(score_x: Tensor, score_a: Tensor, score_r: Tensor) -> Tensor:
    """What D_f minimises: high scores for real heads, low scores for both kinds of generated heads.

    Paper: Eq. 6 without its constraint:

        L_adv1 = -2 E[D_f(x)] + E[D_f(a)] + E[D_f(r)]

    Args:
        score_x, score_a, score_r: float32 `(B, h, w, 1)`, D_f of x, a and r.

    Returns:
        Scalar float32, unitless.
    """
    # L_adv1 = -2 E[D_f(x)] + E[D_f(a)] + E[D_f(r)]
    return -2 * ops.mean(score_x) + ops.mean(score_a) + ops.mean(score_r)


def interpolate(x: Tensor, fake: Tensor, epsilon: Tensor) -> Tensor:
    """Points between real and generated images, at which the critic's gradient is constrained [21, algorithm 1].

        x^ = epsilon x + (1 - epsilon) fake

    Args:
        x, fake: float32 `(B, H, W, 3)`.
        epsilon: float32 `(B, 1, 1, 1)` of U(0, 1): one number per image. A normal distribution, or one number per
            pixel, is a known mistake.

    Returns:
        float32 `(B, H, W, 3)`.
    """
    # x^ = epsilon x + (1 - epsilon) fake
    return epsilon * x + (1 - epsilon) * fake


def gradient_limit(gradients: Tensor, delta_gp: float) -> Tensor:
    """A hinge on the largest component of the critic's input gradient.

    Paper: the constraint of Eq. 6, in our reading:

        s.t. ||D_f||_inf <= delta_gp      ->      E[ max(0, ||grad D_f(x^)||_inf / delta_gp - 1)^2 ]

    `|| . ||_inf` "denotes the maximum gradient delta_gp allowed [...] as in WGAN-GP" (section III-B): the largest
    component over pixels and channels. It fits [21]: a 64 x 64 x 3 gradient with every component at 0.01 has the
    2-norm 0.01 sqrt(12288) = 1.11, WGAN-GP's unit norm. Dividing by delta_gp keeps the meaning of the weight.

    Args:
        gradients: float32 `(B, H, W, 3)`, gradient of the mean patch score at `interpolate`d images.
        delta_gp: float > 0, score per unit of pixel value; 0.01 in the paper.

    Returns:
        Scalar float32, unitless.
    """
    # ||grad D_f(x^)||_inf
    largest = ops.max(ops.abs(gradients), axis=(1, 2, 3))
    # E[ max(0, ||grad D_f(x^)||_inf / delta_gp - 1)^2 ]
    return ops.mean(ops.square(ops.relu(largest / delta_gp - 1)))


def gradient_penalty(gradients: Tensor) -> Tensor:
    """The penalty of WGAN-GP [21, Eq. 3], the other reading of "as in WGAN-GP" in Eq. 6.

        E[ (||grad D_f(x^)||_2 - 1)^2 ]

    Args:
        gradients: float32 `(B, H, W, 3)`, as in `gradient_limit`.

    Returns:
        Scalar float32, unitless.
    """
    # ||grad D_f(x^)||_2
    norm = ops.sqrt(ops.sum(ops.square(gradients), axis=(1, 2, 3)) + EPSILON**2)
    # E[ (||grad D_f(x^)||_2 - 1)^2 ]
    return ops.mean(ops.square(norm - 1))


def adversarial_loss(score_a: Tensor, score_r: Tensor) -> Tensor:
    """What U_e and U_d minimise so that the critic takes a and r for real heads.

    Paper: Eq. 8:

        L_adv2 = -E[D_f(a)] - E[D_f(r)]

    Args:
        score_a, score_r: float32 `(B, h, w, 1)`, D_f of a and r.

    Returns:
        Scalar float32, unitless.
    """
    # L_adv2 = -E[D_f(a)] - E[D_f(r)]
    return -ops.mean(score_a) - ops.mean(score_r)


def anonymization_loss(agreement: Tensor, s: Sequence[int]) -> Tensor:
    """Rewards agreement where s = 1 and disagreement where s = -1; ignores labels with s = 0.

    Paper: Eq. 9 with its sign corrected (REPRODUCTION.md, row 1: as printed it would keep the identity):

        L_ano = E[ -s . (2 D_a(x, a) - 1) ]

    Args:
        agreement: float32 `(B, t)`, D_a(x, a) in [0, 1].
        s: `(t,)` in {-1, 0, 1}; s[0] (ID) must be -1.

    Returns:
        Scalar float32, unitless.

    Raises:
        ValueError: if s[0] is not -1, or a value is outside {-1, 0, 1}.
    """
    if s[0] != -1 or any(value not in (-1, 0, 1) for value in s):
        raise ValueError(f"s must start with -1 (ID) and hold only -1, 0, 1; got {tuple(s)}.")
    # L_ano = E[ -s . (2 D_a(x, a) - 1) ]
    return ops.mean(ops.sum(-ops.convert_to_tensor(s, agreement.dtype) * (2 * agreement - 1), axis=-1))


def consistency_loss(agreement: Tensor) -> Tensor:
    """Rewards agreement of two frames of one sequence in every label.

    Paper: Eq. 10:

        L_con = -E[ 1^T D_a(a_ijk, a_ijk') ],  k != k'

    Args:
        agreement: float32 `(B, t)`, D_a(a_ijk, a_ijk') in [0, 1].

    Returns:
        Scalar float32, unitless.
    """
    # L_con = -E[ 1^T D_a(a_ijk, a_ijk') ]
    return -ops.mean(ops.sum(agreement, axis=-1))


def diversity_loss(agreement: Tensor) -> Tensor:
    """Rewards disagreement of two sequences of one subject, which should get different virtual identities.

    Paper: Eq. 11:

        L_div = E[ 1^T D_a(a_ij., a_ij'.) ],  j != j'

    Args:
        agreement: float32 `(B, t)`, D_a(a_ij., a_ij'.) in [0, 1].

    Returns:
        Scalar float32, unitless.
    """
    # L_div = E[ 1^T D_a(a_ij., a_ij'.) ]
    return ops.mean(ops.sum(agreement, axis=-1))


def histogram(image: Tensor, bins: int) -> Tensor:
    """A differentiable colour histogram: each pixel is shared linearly between its two nearest bin centres.

    Paper: h(.) of Eq. 12. A hard count has no gradient, so the term would have no effect (REPRODUCTION.md):

        h_i = mean over pixels of max(0, 1 - |bins x - 1/2 - i|)

    Pixels beyond the outermost centres belong to the outermost bins, so that every pixel counts once.

    Args:
        image: float32 `(B, H, W, C)` in [0, 1].
        bins: int >= 2.

    Returns:
        float32 `(B, C, bins)`, densities; each channel sums to 1.
    """
    position = ops.clip(image * bins - 0.5, 0.0, bins - 1.0)  # in bins: 0 is the first centre
    flat = ops.reshape(position, (-1, image.shape[1] * image.shape[2], image.shape[3], 1))  # (B, H W, C, 1)
    centres = ops.arange(bins, dtype=image.dtype)
    # h_i = mean over pixels of max(0, 1 - |position - i|)
    return ops.mean(ops.relu(1 - ops.abs(flat - centres)), axis=1)


def distribution_loss(x: Tensor, a: Tensor, bins: int = 32) -> Tensor:
    """The chi-square distance between the colour histograms of x and a.

    Paper: Eq. 12:

        L_dis = E[ sum_i (h_i(x) - h_i(a))^2 / (h_i(x) + h_i(a)) ], summed over channels

    Args:
        x, a: float32 `(B, H, W, 3)` in [0, 1].
        bins: int, bins per channel; not given in the paper.

    Returns:
        Scalar float32, unitless.
    """
    h_x, h_a = histogram(x, bins), histogram(a, bins)
    # sum_i (h_i(x) - h_i(a))^2 / (h_i(x) + h_i(a)), per channel
    chi_square = ops.sum(ops.square(h_x - h_a) / (h_x + h_a + EPSILON), axis=-1)  # (B, 3)
    return ops.mean(ops.sum(chi_square, axis=-1))


def total_loss(terms: Mapping[str, Tensor], weights: LossWeights) -> Tensor:
    """What U_e and U_d minimise.

    Paper: Eq. 13:

        L = w_mse L_mse + w_adv L_adv2 + w_ano L_ano + w_con L_con + w_div L_div + w_dis L_dis

    Args:
        terms: dict with the six scalars "mse", "adv", "ano", "con", "div", "dis".
        weights: `config.LossWeights`.

    Returns:
        Scalar float32, unitless.
    """
    # w_mse L_mse + w_adv L_adv2 + w_ano L_ano + w_con L_con + w_div L_div + w_dis L_dis
    return (
        weights.mse * terms["mse"]
        + weights.adv * terms["adv"]
        + weights.ano * terms["ano"]
        + weights.con * terms["con"]
        + weights.div * terms["div"]
        + weights.dis * terms["dis"]
    )


# Beyond the paper: the losses of learning from twins.


def edge_loss(x: Tensor, y: Tensor) -> Tensor:
    """The distance between the differences of neighbouring pixels: keeps edges sharp that a mean would blur.

        L_edge = E|dx/di - dy/di| + E|dx/dj - dy/dj|

    Args:
        x, y: float32 `(B, H, W, 3)` in [0, 1].

    Returns:
        Scalar float32, unitless.
    """
    difference = x - y
    down = difference[:, 1:] - difference[:, :-1]  # dx/di - dy/di
    across = difference[:, :, 1:] - difference[:, :, :-1]  # dx/dj - dy/dj
    # L_edge = E|dx/di - dy/di| + E|dx/dj - dy/dj|
    return ops.mean(ops.abs(down)) + ops.mean(ops.abs(across))


def generation_loss(t: Tensor, twin: Tensor) -> Tensor:
    """The distance of the generated twin t from the paired target.

        L_twin = E|t - twin| + L_edge(t, twin)

    Args:
        t, twin: float32 `(B, H, W, 3)` in [0, 1].

    Returns:
        Scalar float32, unitless.
    """
    # L_twin = E|t - twin| + L_edge(t, twin)
    return ops.mean(ops.abs(t - twin)) + edge_loss(t, twin)


def changed(x: Tensor, y: Tensor, least: float = 0.06) -> Tensor:
    """Where two pictures of one scene differ: the share of differing pixels in the 5 x 5 pixels around each.

        q = mean_5x5 1{ max over colours |x - y| > least }

    Args:
        x, y: float32 `(B, H, W, 3)` in [0, 1].
        least: float, the least difference of a value that counts; it is above the noise.

    Returns:
        float32 `(B, H, W, 1)` in [0, 1].
    """
    # 1{ max over colours |x - y| > least }
    differs = ops.cast(ops.max(ops.abs(x - y), axis=-1, keepdims=True) > least, x.dtype)
    return ops.average_pool(differs, 5, 1, padding="same")


def leak_loss(embedded: Tensor, missing: Tensor) -> Tensor:
    """How much the embedded signal resembles the head that t replaces: the squared mean product in 8 x 8 pixels.

        L_leak = E[ (mean_8x8 (a - t) (x - t))^2 ]

    x is embedded most easily where t plus the signal shows x again, but then everybody can see it.

    Args:
        embedded, missing: float32 `(B, H, W, 3)`, a - t and x - t.

    Returns:
        Scalar float32, unitless.
    """
    # L_leak = E[ (mean_8x8 (a - t) (x - t))^2 ]
    return ops.mean(ops.square(ops.average_pool(embedded * missing, 8, 4, padding="valid")))


def place_loss(logits: Tensor, heat_maps: Tensor) -> Tensor:
    """Cross-entropy between the places where landmarks are found and the heat maps of their true places.

        L_place = E[ -sum_ij q_ij log softmax(logits)_ij ],  q = heat map / sum_ij heat map_ij

    Args:
        logits: float32 `(B, H, W, K)`.
        heat_maps: float32 `(B, H, W, K)` >= 0, `models.twin.spots`; a landmark outside of the picture has an empty heat
            map and does not count.

    Returns:
        Scalar float32, unitless.
    """
    _, height, width, count = logits.shape
    q, logits = (ops.reshape(of_pixels, (-1, height * width, count)) for of_pixels in (heat_maps, logits))
    # q = heat map / sum_ij heat map_ij
    q = q / (ops.sum(q, axis=1, keepdims=True) + 1e-3)  # nearly 0 for a landmark outside
    # L_place = E[ -sum_ij q_ij log softmax(logits)_ij ]
    return -ops.mean(ops.sum(q * ops.log_softmax(logits, axis=1), axis=1))
