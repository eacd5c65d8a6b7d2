"""Reads gender, ethnicity and hairstyle of one head: a small network trained on the train split, independent of D_a."""

from collections.abc import Callable

import keras
import numpy as np

from uunet.evaluation.judges import own
from uunet.labels import VALUES


def train(
    images: np.ndarray, labels: np.ndarray, seed: int, report: Callable[[int, int], object] | None = None
) -> keras.Model:
    """Trains one softmax per label on the blocks of `own`, in the same way.

    Args:
        images: uint8 `(N, 64, 64, 3)`.
        labels: int `(N, 3)`, codes of gender, ethnicity and hairstyle as in `data.Heads`; unknown ones (-1) are not
            learned from.
        seed: int.
        report: callable `(done, total)` of epochs, or None.

    Returns:
        keras.Model, uint8 `(n, 64, 64, 3)` -> float32 `(n, 11)`, see `split`.
    """
    keras.utils.set_random_seed(seed)
    model = network(seed)

    def loss(truth, probabilities):
        each = keras.losses.SparseCategoricalCrossentropy(ignore_class=-1, reduction="none")
        return sum(each(truth[:, k], part) for k, part in enumerate(split(probabilities)))

    own.fit(model, images, labels, loss, report)
    return model


def network(seed: int = 0) -> keras.Model:
    """The untrained network."""
    image = keras.Input((own.SIDE, own.SIDE, 3))
    x = keras.layers.Dropout(0.4, seed=seed)(own.features(image, seed))
    heads = [keras.layers.Dense(len(words), activation="softmax")(x) for words in VALUES.values()]
    return keras.Model(image, keras.layers.Concatenate()(heads))


def split(probabilities: np.ndarray) -> list[np.ndarray]:
    """`(n, 11)` -> `(n, 2)`, `(n, 4)`, `(n, 5)`: the probability of each value of each label, ordered as VALUES."""
    ends = np.cumsum([len(words) for words in VALUES.values()])
    return [probabilities[:, end - len(words) : end] for end, words in zip(ends, VALUES.values(), strict=True)]
