"""The attacker: a recogniser trained again on what it attacks, pairs (x, a) of the train split.

Whoever can run U_e makes such pairs of people he knows, and learns what of a person it lets through. One network names
each person of the train split from x and from a, so that both lie close together; that it is one network, with one
direction a person, makes it compare x with a'. Each sequence has noise of its own, so that no virtual face can be
learnt by heart for a person.
"""

import numpy as np

from uunet.evaluation.judges import own


def train(x, a, subjects, seed, report=None):
    """The network of `own`, trained on x and a.

    Args:
        x, a: uint8 `(N, 64, 64, 3)`, heads and their de-identified versions.
        subjects: `(N,)`.
        seed: int.
        report: callable `(done, total)` of epochs, or None.

    Returns:
        keras.Model as `own.train` gives it.
    """
    return own.train(np.concatenate([x, a]), np.tile(subjects, 2), seed, report)
