"""A small recogniser trained on the train split of a set: the role of VGGFace2 in section IV-C and Fig. 6.

Unlike `dlib` it knows the kind of footage and needs no face found, and it sees hair, clothes and background, too.
"""

from collections.abc import Callable

import keras
import numpy as np

SIDE = 64  # pixels, of the crops it sees
EPOCHS = 10
BATCH = 64
EMBEDDING = 64
SCALE, MARGIN = 16, 0.15  # of the cosine softmax


def train(
    images: np.ndarray, subjects: np.ndarray, seed: int, report: Callable[[int, int], object] | None = None
) -> keras.Model:
    """A small recogniser, trained to name people (cosine softmax with a margin).

    Adam from 0.002 down to 0 along a cosine, in EPOCHS epochs of batches of 64; pictures mirrored, shifted and
    brightened at random.

    Args:
        images: uint8 `(N, 64, 64, 3)`.
        subjects: `(N,)`.
        seed: int.
        report: callable `(done, total)` of epochs, or None.

    Returns:
        keras.Model, uint8 `(n, 64, 64, 3)` -> float32 `(n, 64)`, of unit length.
    """
    keras.utils.set_random_seed(seed)
    people, codes = np.unique(subjects, return_inverse=True)
    embedder = network(seed)
    cosines = keras.layers.Dense(len(people), use_bias=False, kernel_constraint=keras.constraints.UnitNorm())

    def loss(truth, cosines):
        wanted = keras.ops.one_hot(keras.ops.cast(truth, "int32")[:, 0], len(people))
        return keras.losses.categorical_crossentropy(wanted, SCALE * (cosines - MARGIN * wanted), from_logits=True)

    fit(keras.Model(embedder.input, cosines(embedder.output)), images, codes[:, None], loss, report)
    return embedder


def network(seed: int = 0) -> keras.Model:
    """The untrained recogniser: four blocks of convolution, normalisation and pooling, then 64 numbers of length 1."""
    image = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.Dropout(0.4, seed=seed)(features(image, seed))
    x = keras.layers.BatchNormalization(momentum=0.9)(keras.layers.Dense(EMBEDDING)(x))
    return keras.Model(image, keras.layers.UnitNormalization()(x))


def features(image: keras.KerasTensor, seed: int) -> keras.KerasTensor:
    """Randomly changed pictures (in training only) through four blocks: uint8 `(B, 64, 64, 3)` -> float `(B, 2048)`."""
    x = keras.layers.Rescaling(1 / 255, -0.5)(image)
    x = keras.layers.RandomFlip("horizontal", seed=seed)(x)
    x = keras.layers.RandomTranslation(0.07, 0.07, fill_mode="nearest", seed=seed)(x)
    x = keras.layers.RandomBrightness(0.1, value_range=(-0.5, 0.5), seed=seed)(x)
    for width in (24, 48, 96, 128):
        x = keras.layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = keras.layers.BatchNormalization(momentum=0.9)(x)
        x = keras.layers.MaxPooling2D(2)(keras.layers.Activation("relu")(x))
    return keras.layers.Flatten()(x)


def fit(
    model: keras.Model,
    images: np.ndarray,
    truth: np.ndarray,
    loss: Callable,
    report: Callable[[int, int], object] | None = None,
) -> None:
    """Trains `model` as `train` says; `truth` and `loss` as in keras.Model.fit."""
    rate = keras.optimizers.schedules.CosineDecay(2e-3, EPOCHS * -(-len(images) // BATCH))
    model.compile(keras.optimizers.Adam(rate), loss)
    told = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, _: report and report(epoch + 1, EPOCHS))
    model.fit(images, truth, batch_size=BATCH, epochs=EPOCHS, verbose=0, callbacks=[told])
