"""D_a, the pairwise 'same'/'different' classifier of Table I (section III-A)."""

from collections.abc import Sequence

import keras
from keras import layers

from uunet.models import precision

LEAK = 0.2  # slope of LeakyReLU for negative inputs; not given in Table I
MOMENTUM = 0.8  # Table I, "mm"
DROPOUT = 0.25  # Table I


def attribute_classifier(
    labels: int = 4, *, size: int = 64, blocks: int = 2, name: str = "attribute_classifier"
) -> keras.Model:
    """D_a: a pair of images -> the probability that each label agrees (Eq. 2).

    Args:
        labels: int, t outputs. The paper trains one model per label (labels=1, then `join`) and calls the whole D_a.
        size: int, side of the images in pixels.
        blocks: int, number of [Conv 64/s2] blocks at the end of the trunk: 2 in Table I, 3 in the published code.
        name: str; models to `join` need different names.

    Returns:
        keras.Model: float32 `(B, size, size, 6)`, two standardised RGB images along the depth
        (`pixels.standardize`), to float32 `(B, labels)` in [0, 1], under any dtype policy.
    """
    pair = keras.Input((size, size, 6))
    x = pair
    trunk = [(16, 2), (64, 1), (128, 1)] + [(64, 2)] * blocks  # (nk, st) of Table I
    for k, (kernels, stride) in enumerate(trunk, start=1):
        x = layers.Conv2D(kernels, 3, stride, padding="same", name=f"conv{k}")(x)
        x = layers.BatchNormalization(momentum=MOMENTUM, name=f"norm{k}")(x)
        x = layers.LeakyReLU(LEAK)(x)
        x = layers.Dropout(DROPOUT)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(128, activation="relu", name="dense")(x)
    agreement = layers.Dense(labels, activation="sigmoid", dtype=precision.exact(), name="agreement")(x)
    return keras.Model(pair, agreement, name=name)


def join(classifiers: Sequence[keras.Model]) -> keras.Model:
    """One D_a from one model per label: their outputs side by side, `(B, t)` (section IV-A).

    Args:
        classifiers: keras.Models of one input shape and different names, in the order of s.
    """
    pair = keras.Input(classifiers[0].input_shape[1:])
    agreement = layers.Concatenate()([classifier(pair) for classifier in classifiers])
    return keras.Model(pair, agreement, name="attribute_classifier")
