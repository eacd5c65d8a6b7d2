"""The attacker: a recogniser trained again on what it attacks, pairs (x, a) of the train split.

An attacker who can run U_e makes such pairs of known people, and learns what U_e keeps of a person. One network names
each person of the train split from x and from a, so that both lie close together. As it has one direction per person,
it can compare x with a'. Each sequence has its own noise, so that no virtual face can be memorised for a person.
"""

from collections.abc import Callable

import keras
import numpy as np

from uunet.evaluation.judges import own


def train(
    x: np.ndarray, a: np.ndarray, subjects: np.ndarray, seed: int, report: Callable[[int, int], object] | None = None
) -> keras.Model:
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


def train_to_pick(
    network: keras.Model,
    a: np.ndarray,
    candidates: np.ndarray,
    seed: int,
    report: Callable[[int, int], object] | None = None,
) -> None:
    """Trains a network of `train` on line-ups: given a, pick x from candidates in the same frame.

    With unit vectors e(.) of the network, the loss of a line-up is cross-entropy over its candidates c:

        -log( exp(SCALE e(a) . e(x)) / sum_c exp(SCALE e(a) . e(c)) )

    Background, clothes and pose are those of all candidates, so that they are no help. Each picture should be x in one
    line-up and a filler in another, so that none is the better guess without a.

    Args:
        network: keras.Model as `train` gives it; it is changed.
        a: uint8 `(N, 64, 64, 3)`.
        candidates: uint8 `(N, C, 64, 64, 3)`; the first is x.
        seed: int.
        report: callable `(done, total)` of epochs, or None.
    """
    keras.utils.set_random_seed(seed)
    lineups = np.concatenate([a[:, None], candidates], axis=1)
    several = keras.Input(lineups.shape[1:])
    flat = network(keras.ops.reshape(several, (-1, *lineups.shape[2:])))
    vectors = keras.ops.reshape(flat, (-1, lineups.shape[1], own.EMBEDDING))
    cosines = keras.ops.sum(vectors[:, :1] * vectors[:, 1:], axis=-1)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    own.fit(keras.Model(several, own.SCALE * cosines), lineups, np.zeros(len(a), int), loss, report)
