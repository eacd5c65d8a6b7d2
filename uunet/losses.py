"""The paper's losses, one pure function an equation; `keras.ops` only, so every backend computes the same.

b of Eq. 1 is data, made beside the training and not in it: plain NumPy.

Shapes: images `(B, H, W, 3)` float32 in [0, 1]; agreements `(B, t)` = D_a(., .) in [0, 1]; critic scores
`(B, h, w, 1)` unbounded. Every loss is a float32 scalar without a unit; E[.] is the mean over the batch.
"""

import numpy as np
from keras import ops

EPSILON = 1e-7  # keeps logarithms, roots and quotients finite


def same_labels(labels, labels_prime):
    """b of Eq. 1: 1 where two images share a label, 0 where they do not.

        b = [1{l_1 == l'_1}, ..., 1{l_t == l'_t}]

    Args:
        labels, labels_prime: int `(B, t)`.

    Returns:
        float32 `(B, t)`.
    """
    return np.equal(labels, labels_prime).astype(np.float32)


def pairwise_cross_entropy(b, b_hat, known=None):
    """D_a's loss, Eq. 3; Eq. 4 minimises it (the paper's L_cc there is a typo for L_ce).

        L_ce = E[ -b^T log(b_hat) - (1 - b)^T log(1 - b_hat) ]

    Args:
        b: float32 `(B, t)` of 0 and 1, `same_labels`.
        b_hat: float32 `(B, t)`, D_a(x, x').
        known: float32 `(B, t)`, 1 where both images' labels are known and 0 elsewhere: those terms are left out of the
            sum. None: all are known, as in the paper.
    """
    b_hat = ops.clip(b_hat, EPSILON, 1 - EPSILON)
    each = -b * ops.log(b_hat) - (1 - b) * ops.log(1 - b_hat)
    return ops.mean(ops.sum(each if known is None else known * each, axis=-1))


def reconstruction_loss(x, r):
    """How far the reconstruction r = U_d(U_e(x)) is from x, Eq. 5.

        L_mse = E[ (x - r)^2 ], mean over pixels and channels

    The paper prints an l2 norm and calls it mse; the name and the published code say mse (REPRODUCTION.md).
    """
    return ops.mean(ops.square(x - r))


def critic_loss(score_x, score_a, score_r):
    """What D_f minimises, Eq. 6 without its constraint.

    L_adv1 = -2 E[D_f(x)] + E[D_f(a)] + E[D_f(r)]
    """
    return -2 * ops.mean(score_x) + ops.mean(score_a) + ops.mean(score_r)


def interpolate(x, fake, epsilon):
    """Points between real and fake images, where the critic's gradient is looked at [21, algorithm 1].

        x^ = epsilon x + (1 - epsilon) fake

    Args:
        x, fake: `(B, H, W, 3)`.
        epsilon: `(B, 1, 1, 1)` of U(0, 1): one number an image (a normal or a number a pixel is a known mistake).
    """
    return epsilon * x + (1 - epsilon) * fake


def gradient_limit(gradients, delta_gp):
    """The constraint of Eq. 6, our reading: a hinge on the critic's largest input-gradient component.

        s.t. ||D_f||_inf <= delta_gp      ->      E[ max(0, ||grad D_f(x^)||_inf / delta_gp - 1)^2 ]

    `|| . ||_inf` "denotes the maximum gradient delta_gp allowed [...] as in WGAN-GP" (section III-B): the largest
    component over pixels and channels. It fits [21]: a 64 x 64 x 3 gradient with every component at 0.01 has the
    2-norm 0.01 sqrt(12288) = 1.11, WGAN-GP's unit norm. Dividing by delta_gp keeps the weight's meaning.

    Args:
        gradients: `(B, H, W, 3)`, grad of the mean patch score at `interpolate`d images.
        delta_gp: float > 0, score per unit of pixel value; 0.01 in the paper.
    """
    largest = ops.max(ops.abs(gradients), axis=(1, 2, 3))
    return ops.mean(ops.square(ops.relu(largest / delta_gp - 1)))


def gradient_penalty(gradients):
    """WGAN-GP's own penalty [21, Eq. 3], the other reading of Eq. 6's "as in WGAN-GP".

        E[ (||grad D_f(x^)||_2 - 1)^2 ]

    Args:
        gradients: `(B, H, W, 3)`, as in `gradient_limit`.
    """
    norm = ops.sqrt(ops.sum(ops.square(gradients), axis=(1, 2, 3)) + EPSILON**2)
    return ops.mean(ops.square(norm - 1))


def adversarial_loss(score_a, score_r):
    """What U_e and U_d minimise to look like faces, Eq. 8.

    L_adv2 = -E[D_f(a)] - E[D_f(r)]
    """
    return -ops.mean(score_a) - ops.mean(score_r)


def anonymization_loss(agreement, s):
    """Rewards agreement where s = 1, disagreement where s = -1, nothing where s = 0.

    Eq. 9 with its sign corrected (REPRODUCTION.md, row 1: as printed it would keep the identity):

        L_ano = E[ -s . (2 D_a(x, a) - 1) ]

    Args:
        agreement: `(B, t)`, D_a(x, a).
        s: `(t,)` in {-1, 0, 1}.

    Raises:
        ValueError: if s[0], the ID, is not -1, or a value is outside {-1, 0, 1}.
    """
    if s[0] != -1 or any(value not in (-1, 0, 1) for value in s):
        raise ValueError(f"s must start with -1 (ID) and hold only -1, 0, 1; got {tuple(s)}.")
    return ops.mean(ops.sum(-ops.convert_to_tensor(s, agreement.dtype) * (2 * agreement - 1), axis=-1))


def consistency_loss(agreement):
    """Frames of one sequence should agree in every label, Eq. 10.

    L_con = -E[ 1^T D_a(a_ijk, a_ijk') ],  k != k'
    """
    return -ops.mean(ops.sum(agreement, axis=-1))


def diversity_loss(agreement):
    """Different sequences of one subject should get different virtual IDs, Eq. 11.

    L_div = E[ 1^T D_a(a_ij., a_ij'.) ],  j != j'
    """
    return ops.mean(ops.sum(agreement, axis=-1))


def histogram(image, bins):
    """h(.) of Eq. 12, differentiable: each pixel is shared linearly between its two nearest bin centres.

    A hard count has no gradient, the term would do nothing (REPRODUCTION.md). Pixels beyond the outermost centres
    belong to the outermost bins, so that every pixel counts once.

    Args:
        image: `(B, H, W, C)` in [0, 1].
        bins: int >= 2.

    Returns:
        `(B, C, bins)` densities; each channel sums to 1.
    """
    position = ops.clip(image * bins - 0.5, 0.0, bins - 1.0)  # in bins: 0 is the first centre
    flat = ops.reshape(position, (-1, image.shape[1] * image.shape[2], image.shape[3], 1))  # (B, H W, C, 1)
    centres = ops.arange(bins, dtype=image.dtype)
    return ops.mean(ops.relu(1 - ops.abs(flat - centres)), axis=1)


def distribution_loss(x, a, bins=32):
    """Chi-square distance between the colour histograms of x and a, Eq. 12.

        L_dis = E[ sum_i (h_i(x) - h_i(a))^2 / (h_i(x) + h_i(a)) ], summed over channels

    Args:
        x, a: `(B, H, W, 3)` in [0, 1].
        bins: int, bins a channel; not given in the paper.
    """
    h_x, h_a = histogram(x, bins), histogram(a, bins)
    chi_square = ops.sum(ops.square(h_x - h_a) / (h_x + h_a + EPSILON), axis=-1)  # (B, 3)
    return ops.mean(ops.sum(chi_square, axis=-1))


def total_loss(terms, weights):
    """What U_e and U_d minimise, Eq. 13.

        w_mse L_mse + w_adv L_adv2 + w_ano L_ano + w_con L_con + w_div L_div + w_dis L_dis

    Args:
        terms: dict with the six scalars "mse", "adv", "ano", "con", "div", "dis".
        weights: `config.LossWeights`.
    """
    return (
        weights.mse * terms["mse"]
        + weights.adv * terms["adv"]
        + weights.ano * terms["ano"]
        + weights.con * terms["con"]
        + weights.div * terms["div"]
        + weights.dis * terms["dis"]
    )


def edge_loss(x, y):
    """How far the differences between neighbouring pixels are apart: keeps edges sharp where a mean would blur them.

        E|dx/di - dy/di| + E|dx/dj - dy/dj|

    Beyond the paper: learning from twins only.
    """
    difference = x - y
    down = difference[:, 1:] - difference[:, :-1]
    across = difference[:, :, 1:] - difference[:, :, :-1]
    return ops.mean(ops.abs(down)) + ops.mean(ops.abs(across))


def changed(x, y, least=0.06):
    """Where two pictures of one scene show something else: the share of the 5 x 5 pixels around that differ.

    Beyond the paper: learning from twins only.

    Args:
        x, y: `(B, H, W, 3)` in [0, 1].
        least: float, the difference of a value that counts: more than noise.

    Returns:
        `(B, H, W, 1)` in [0, 1].
    """
    differs = ops.cast(ops.max(ops.abs(x - y), axis=-1, keepdims=True) > least, x.dtype)
    return ops.average_pool(differs, 5, 1, padding="same")


def leak_loss(hidden, missing):
    """How much what is hidden looks like what it stands for: the square of their mean product over 8 x 8 pixels.

        E[ (mean_8x8 (a - t) (x - t))^2 ]

    Hiding x is easiest where t + hidden shows x again; then everybody sees it. Beyond the paper.

    Args:
        hidden, missing: `(B, H, W, 3)`, a - t and x - t.
    """
    return ops.mean(ops.square(ops.average_pool(hidden * missing, 8, 4, padding="valid")))


def place_loss(logits, spots):
    """Cross-entropy between where landmarks are said to be and the spots at their places. Beyond the paper.

        E[ -sum_ij q_ij log softmax(logits)_ij ],  q = spots / sum_ij spots_ij

    Args:
        logits: `(B, H, W, K)`.
        spots: `(B, H, W, K)` >= 0, `models.twin.spots`; landmarks outside of the picture, without one, do not count.
    """
    _, height, width, count = logits.shape
    q, logits = (ops.reshape(of_pixels, (-1, height * width, count)) for of_pixels in (spots, logits))
    q = q / (ops.sum(q, axis=1, keepdims=True) + 1e-3)  # nearly nothing left of one outside
    return -ops.mean(ops.sum(q * ops.log_softmax(logits, axis=1), axis=1))
