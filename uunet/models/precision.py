"""The dtype of outputs, whatever dtype a network computes in."""

import keras


def exact() -> str:
    """The dtype of pixels, logits and scores: float32, or more if the dtype policy says so.

    Where the rest computes in bfloat16, its 8 bits are too coarse for signals embedded in pixels, and for losses.
    """
    return keras.backend.result_type(keras.config.dtype_policy().compute_dtype, "float32")
