"""D_f, the face plausibility critic: a PatchGAN [25] with linear patch scores (Table I)."""

import keras
from keras import layers

from uunet.models import precision

LEAK = 0.2  # [25]


def patch_critic(*, size: int = 64, width: int = 64) -> keras.Model:
    """D_f: an image to one score per patch.

    C64-C128-C256-C512-1 with 4 x 4 kernels as in [25], the stride-2 layers first. Eq. 6 requires two changes: no
    sigmoid, because a Wasserstein critic's score is unbounded; and no batch normalisation, which would make the
    gradient penalty of one image depend on the others in the batch.

    Args:
        size: int, side of the images in pixels, a multiple of 8.
        width: int, kernels of the first layer (64 in [25]).

    Returns:
        keras.Model: float32 `(B, size, size, 3)` to float32 `(B, size/8, size/8, 1)`, unbounded, under any dtype
        policy.
    """
    image = keras.Input((size, size, 3))
    x = image
    for k, (kernels, stride) in enumerate([(width, 2), (2 * width, 2), (4 * width, 2), (8 * width, 1)], start=1):
        x = layers.Conv2D(kernels, 4, stride, padding="same", name=f"conv{k}")(x)
        x = layers.LeakyReLU(LEAK)(x)
    scores = layers.Conv2D(1, 4, padding="same", dtype=precision.exact(), name="scores")(x)
    return keras.Model(image, scores, name="patch_critic")
