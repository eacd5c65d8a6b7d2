"""Whether the soft labels of a are those that s asks for (section IV-E, Table III)."""

import numpy as np

from uunet.labels import UNKNOWN_CODE


def soft_label_correlation(agreement: np.ndarray, same: np.ndarray, s: int) -> float:
    """Pearson correlation between D_a's answers on pairs (a_i, x_j) and those that s wants: a cell of Table III.

    The paper correlates D_a(a_i, x_i) "with respect to the ground-truth labels, also taking into account the
    configuration of s". Over pairs of the same picture alone the wanted answer is constant, and a constant has
    no correlation. Our reading (REPRODUCTION.md) adds pairs of different people: a_i should agree with x_j in a label
    where x_i does if s = 1, and where x_i does not if s = -1.

    Args:
        agreement: float `(n,)` in [0, 1], D_a(a_i, x_j) for one label.
        same: bool `(n,)`, whether x_i and x_j share this label, Eq. 1.
        s: 1 or -1, this label's value in s.

    Returns:
        float in [-1, 1]; nan if all answers are alike.

    Raises:
        ValueError: if s is 0 (nothing is wanted), or all pairs are alike.
    """
    same = np.asarray(same, bool)
    if s not in (-1, 1) or same.all() or not same.any():
        raise ValueError(f"Needs s = 1 or -1 and pairs of both kinds; got s = {s}, {same.sum()} of {same.size} alike.")
    wanted = same if s == 1 else ~same
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(np.corrcoef(np.asarray(agreement, np.float64), wanted)[0, 1])


def compared(pairs: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which pairs have a label that is known of both, and which of those share it (Eq. 1).

    Args:
        pairs: int `(n, 2)`, indices of heads.
        codes: int `(N,)`, one label of each head as in `data.Heads`.

    Returns:
        known: bool `(n,)`.
        same: bool, one for each known pair.
    """
    known = (codes[pairs] != UNKNOWN_CODE).all(axis=1)
    return known, (codes[pairs[:, 0]] == codes[pairs[:, 1]])[known]


def correlations(agreement: np.ndarray, same: np.ndarray, s: int, weights: np.ndarray) -> np.ndarray:
    """`soft_label_correlation` of the same pairs, weighted in D ways.

    Args:
        agreement, same, s: as there.
        weights: int `(D, n)`, how often each pair comes.

    Returns:
        float `(D,)`; nan where all pairs that come, or all answers, are alike.
    """
    found = np.full(len(weights), np.nan)
    for k, times in enumerate(weights):
        rows = np.repeat(np.arange(len(same)), times)
        if 0 < np.count_nonzero(same[rows]) < len(rows):
            found[k] = soft_label_correlation(agreement[rows], same[rows], s)
    return found
