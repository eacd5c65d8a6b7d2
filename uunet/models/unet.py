"""U_e and U_d: one U-Net builder, two documented shapes (Table I; section IV-A)."""

import keras
from keras import layers, ops

from uunet.models import precision

SHAPES = ("ronneberger", "pix2pix")


def unet(
    channels: int,
    *,
    shape: str = "ronneberger",
    size: int = 64,
    width: int = 64,
    normalization: str | None = None,
    dropout: float = 0.0,
    residual: bool = False,
    name: str = "unet",
) -> keras.Model:
    """A U-Net: an image to an image of the same size.

    `"ronneberger"` is [44], which the paper cites: four max-pooling levels of two 3 x 3 convolutions, width to
    16 x width kernels, 2 x 2 up-convolutions, skips at every level. Its convolutions are padded, so that the
    output is as large as the input ([44] crops instead).

    `"pix2pix"` is the published code's: 4 x 4 stride-2 convolutions down to 1 x 1 with width, 2, 4, then 8 x width
    kernels, and 4 x 4 stride-2 transposed convolutions back. It has no skip at full resolution.

    Args:
        channels: int, input channels: 4 for U_e (RGB + noise), 3 for U_d.
        shape: "ronneberger" or "pix2pix".
        size: int, side of the image in pixels: a multiple of 16, for "pix2pix" a power of two.
        width: int, kernels of the first level (64 in both originals).
        normalization: None ([44]) or "batch" (the published code).
        dropout: float in [0, 1), after the first three up-blocks of "pix2pix" while training (0.5 in the
            published code, which never switches it off).
        residual: bool; True adds the input's logit to the output's, so that the network learns a difference. Neither
            original has it; for U_d it saves hours on a CPU. Do not use it for U_e: at a = x, D_a is so certain of the
            identity that Eq. 9 has no gradient.
        name: str.

    Returns:
        keras.Model: float32 `(B, size, size, channels)` in [0, 1] to float32 `(B, size, size, 3)` in (0, 1). Pixels are
        float32 under any dtype policy: the 8 bits of bfloat16 are too coarse for the signal embedded in them.

    Raises:
        ValueError: if `shape`, `size` or `normalization` is none of the above.
    """
    if shape not in SHAPES:
        raise ValueError(f"A U-Net's shape is one of {SHAPES}; got {shape!r}.")
    if size % 16 or (shape == "pix2pix" and size & (size - 1)):
        raise ValueError(f"A U-Net's size is a multiple of 16, for 'pix2pix' a power of two; got {size}.")
    image = keras.Input((size, size, channels))
    if shape == "ronneberger":
        features = _ronneberger(image, width, normalization)
        logit = layers.Conv2D(3, 1, dtype=precision.exact(), name="output")(features)
    else:
        features = _pix2pix(image, width, normalization, dropout)
        logit = layers.Conv2DTranspose(3, 4, 2, padding="same", dtype=precision.exact(), name="output")(features)
    if residual:
        rgb = ops.clip(image[..., :3], 0.02, 0.98)  # the logit of black or white would have no gradient
        logit = logit + ops.log(rgb / (1 - rgb))
    return keras.Model(image, layers.Activation("sigmoid", dtype=precision.exact())(logit), name=name)


def _normalize(x, kind, name):
    if kind is None:
        return x
    if kind == "batch":
        return layers.BatchNormalization(name=name)(x)
    raise ValueError(f"normalization must be None or 'batch'; got {kind!r}.")


def _ronneberger(image, width, normalization):
    def double_convolution(x, kernels, name):
        for half in "ab":
            x = layers.Conv2D(kernels, 3, padding="same", name=f"{name}_conv_{half}")(x)
            x = _normalize(x, normalization, f"{name}_norm_{half}")
            x = layers.ReLU()(x)
        return x

    x, skips = image, []
    for level in range(4):
        x = double_convolution(x, width * 2**level, f"down{level}")
        skips.append(x)
        x = layers.MaxPooling2D()(x)
    x = double_convolution(x, width * 16, "bottom")
    for level in reversed(range(4)):
        x = layers.Conv2DTranspose(width * 2**level, 2, 2, name=f"up{level}_conv_up")(x)
        x = layers.Concatenate()([skips[level], x])
        x = double_convolution(x, width * 2**level, f"up{level}")
    return x


def _pix2pix(image, width, normalization, dropout):
    levels = image.shape[1].bit_length() - 1  # 64 -> 6 halvings to 1 x 1
    kernels = [width * min(2**level, 8) for level in range(levels)]
    x, skips = image, []
    for level in range(levels):
        x = layers.Conv2D(kernels[level], 4, 2, padding="same", name=f"down{level}_conv")(x)
        if 0 < level < levels - 1:  # as published: neither the first level nor the bottom is normalised
            x = _normalize(x, normalization, f"down{level}_norm")
        x = layers.LeakyReLU(0.2)(x) if level < levels - 1 else layers.ReLU()(x)
        skips.append(x)
    for level in reversed(range(levels - 1)):
        x = layers.Conv2DTranspose(kernels[level], 4, 2, padding="same", name=f"up{level}_conv")(x)
        x = _normalize(x, normalization, f"up{level}_norm")
        if dropout and level >= levels - 4:
            x = layers.Dropout(dropout)(x)
        x = layers.Concatenate()([x, skips[level]])
        x = layers.ReLU()(x)
    return x
