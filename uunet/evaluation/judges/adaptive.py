"""The attacker: a recogniser trained again on what it attacks, pairs (x, a) of the train split.

Whoever can run U_e makes such pairs of people he knows, and learns what of a person it lets through. One network names
each person of the train split from x and from a, so that both lie close together; that it is one network, with one
direction a person, makes it compare x with a'. Several draws of the noise keep it from learning one virtual face by
heart.
"""

import numpy as np

from uunet.evaluation.judges import own

DRAWS = 2  # of the noise: versions a of each x


def train(x, versions, subjects, seed, report=None):
    """The network of `own`, trained on x and on all versions of it.

    Args:
        x: uint8 `(N, 64, 64, 3)`.
        versions: list of uint8 `(N, 64, 64, 3)`: a of x, with other noise in each.
        subjects: `(N,)`.
        seed: int.
        report: callable `(done, total)` of epochs, or None.

    Returns:
        keras.Model as `own.train` gives it.
    """
    return own.train(np.concatenate([x, *versions]), np.tile(subjects, 1 + len(versions)), seed, report)
