"""Float64 for who compares two ways of computing one training step.

Two backends, or one and two devices, add the same numbers up in another order. In float32 the sums then differ by
1e-7 of themselves, on each processor in its own way. That alone is harmless, but the step contains decisions: a value
is rounded to 8 bits, a unit is on or off, one of many gradients is the largest. A sum within 1e-7 of such a threshold
falls on the other side, and moves a gradient by 1e-2 of itself: no tolerance tells that from a mistake. In float64
sums differ by 1e-16 of themselves, and nothing is that close to a threshold.
"""

import keras
import numpy as np
from keras.src.backend.common import dtypes


def compute_in_float64():
    """Every network, loss and optimiser made from here on; on JAX with JAX_ENABLE_X64=1 only.

    Keras on JAX makes the result of many an operation float32, whatever goes in, by a table that it does not publish.
    """
    dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")


def batch_in_float64(batch):
    """A batch as `uunet.data` makes it: what is float32 in it as float64, labels and the like as they are."""
    return {name: np.asarray(v, np.float64 if v.dtype == np.float32 else v.dtype) for name, v in batch.items()}
