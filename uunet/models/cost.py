"""What a network costs: floating-point operations."""

import math

import keras


def flops(model: keras.Model) -> int:
    """Floating-point operations of one picture's forward pass.

    Only convolutions and dense layers count; the rest is small beside them. A multiplication and an addition are two
    operations. Each element of a kernel takes part in one of both at each place of its layer's output; that of a
    transposed convolution at each place of its input.

    Args:
        model: keras.Model of pictures of a fixed size; networks inside it count, too.
    """
    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            total += flops(layer)
        elif isinstance(layer, (keras.layers.Conv2D, keras.layers.Conv2DTranspose)):
            transposed = isinstance(layer, keras.layers.Conv2DTranspose)
            height, width = (layer.input if transposed else layer.output).shape[1:3]
            total += 2 * height * width * math.prod(layer.kernel.shape)
        elif isinstance(layer, keras.layers.Dense):
            total += 2 * math.prod(layer.kernel.shape)
    return total
