"""How well genuine and impostor scores are told apart (section IV-C)."""

import numpy as np


def decidability(genuine, impostor):
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


def daugman_decidability(genuine, impostor):
    """Daugman's d': sqrt(2) times Eq. 14."""
    return float(np.sqrt(2) * decidability(genuine, impostor))
