"""How well scores separate genuine pairs from impostor pairs (section IV-C)."""

from collections.abc import Callable

import numpy as np

from uunet.evaluation import resampling


def decidability(genuine: np.ndarray, impostor: np.ndarray) -> float:
    """d' of Eq. 14, as the paper prints it and as its numbers use it.

        d' = (mu_G - mu_I) / sqrt(sigma_G^2 + sigma_I^2)

    Daugman's usual d' divides by sqrt((sigma_G^2 + sigma_I^2) / 2) instead: it is sqrt(2) times this one.

    Args:
        genuine, impostor: float arrays `(n,)`, `(m,)` of scores, higher for more alike.

    Returns:
        float, unitless.
    """
    genuine, impostor = np.asarray(genuine, np.float64), np.asarray(impostor, np.float64)
    return float((genuine.mean() - impostor.mean()) / np.sqrt(genuine.var() + impostor.var()))


def daugman_decidability(genuine: np.ndarray, impostor: np.ndarray) -> float:
    """Daugman's d': sqrt(2) times Eq. 14."""
    return float(np.sqrt(2) * decidability(genuine, impostor))


def areas(
    genuine: np.ndarray, impostor: np.ndarray, genuine_weights: np.ndarray, impostor_weights: np.ndarray
) -> np.ndarray:
    """Areas under the ROC curve of the same scores, weighted in D ways: how often genuine exceeds impostor.

        AUC = sum_g sum_i w_g w_i ([g > i] + [g = i] / 2) / (sum_g w_g sum_i w_i)

    Args:
        genuine, impostor: float `(n,)`, `(m,)`, higher for more alike.
        genuine_weights, impostor_weights: `(D, n)`, `(D, m)`, how often each counts.

    Returns:
        float `(D,)` in [0, 1]; nan where all weights of one kind are 0.
    """
    values, place = np.unique(np.concatenate([genuine, impostor]), return_inverse=True)
    found = np.full(len(genuine_weights), np.nan)
    for k, weights in enumerate(zip(genuine_weights, impostor_weights, strict=True)):
        g = np.bincount(place[: len(genuine)], weights[0], len(values))
        i = np.bincount(place[len(genuine) :], weights[1], len(values))
        if g.any() and i.any():
            found[k] = np.sum(g * (np.cumsum(i) - i / 2)) / (g.sum() * i.sum())
    return found


def pair_weights(people: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """How often pairs come in draws of people: a pair of one person as often as the person, one of two as often as
    both are drawn together.

    Args:
        people: int `(n, 2)`, whose the two pictures of each pair are.
        drawn: int `(D, P)`, see `resampling.people_drawn`.

    Returns:
        int `(D, n)`.
    """
    first, second = drawn[:, people[:, 0]], drawn[:, people[:, 1]]
    return np.where(people[:, 0] == people[:, 1], first, first * second)


def separation(
    scores: Callable[[np.ndarray], np.ndarray],
    genuine: np.ndarray,
    impostor: np.ndarray,
    subjects: np.ndarray,
    rng: np.random.Generator,
) -> dict:
    """Area under the ROC curve and d' (Eq. 14) of a recogniser, with intervals over draws of the people.

    Args:
        scores: callable of int `(n, 2)` pairs -> float `(n,)`, higher for more alike.
        genuine, impostor: int `(n, 2)`, `(m, 2)`, indices of crops.
        subjects: `(N,)`, whose each crop is.
        rng: numpy Generator.

    Returns:
        dict `genuine`, `impostor` (numbers of pairs), `auc`, `auc_interval`, `d`, `d_interval`; the last four are None
        with fewer than two pairs of either kind.
    """
    found = {"genuine": len(genuine), "impostor": len(impostor)}
    if min(found.values()) < 2:
        return found | dict.fromkeys(("auc", "auc_interval", "d", "d_interval"))
    people, codes = np.unique(subjects, return_inverse=True)
    drawn = resampling.people_drawn(len(people), rng)
    weights = [pair_weights(codes[pairs], drawn) for pairs in (genuine, impostor)]
    values_of = scores(genuine), scores(impostor)
    auc = areas(*values_of, *weights)
    moments = []
    for values, times in zip(values_of, weights, strict=True):
        with np.errstate(invalid="ignore"):  # 0 / 0 where a draw has no such pair
            mean = times @ values / times.sum(axis=1)
            moments.append((mean, times @ np.square(values) / times.sum(axis=1) - np.square(mean)))
    (mean_g, variance_g), (mean_i, variance_i) = moments
    with np.errstate(invalid="ignore", divide="ignore"):
        d = (mean_g - mean_i) / np.sqrt(variance_g + variance_i)
    return found | {
        "auc": float(auc[0]), "auc_interval": resampling.interval(auc[1:]),
        "d": decidability(*values_of), "d_interval": resampling.interval(d[1:]),
    }  # fmt: skip
