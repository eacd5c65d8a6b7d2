"""The face recogniser of dlib: a ResNet of 29 convolutions, trained by Davis King on 3 million faces of real people.

The weights are dlib's `dlib_face_recognition_resnet_model_v1` (CC0), in the 8-bit form that the package face-api ships;
weights/judges/README.md says how the file was made.
"""

import hashlib
import json
from functools import cache

import keras
import numpy as np
import safetensors
from keras import layers, ops

from uunet.evaluation import alignment
from uunet.models import files
from uunet.presets import WEIGHTS

PATH = WEIGHTS / "judges" / "dlib.safetensors"
SHA256 = "ee545d7949d7ec9729406c6a1c2185587b621f8208332b332ea496fbf1a6dfa4"

SIDE = 150  # pixels, of a chip
# where a chip has left eye, right eye, nose, left and right corner of the mouth: x, y in pixels
TEMPLATE = np.array([[47.55, 46.60], [100.48, 46.60], [74.01, 76.56], [50.41, 103.02], [97.61, 103.02]])
MEAN = (122.782, 117.001, 104.298)  # RGB
BATCH = 32


def judge(images: np.ndarray, faces: alignment.Faces | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Finds, aligns and embeds the face in each picture.

    Args:
        images: uint8 `(N, H, W, 3)`, RGB, each a head and little else.
        faces: `alignment.Faces` of them, if they are known already.

    Returns:
        embeddings: float32 `(N, 128)`, rows of nan where no face is found. Not of unit length: the smaller the
            Euclidean distance, the more alike two faces are (`judges.scores`).
        found: bool `(N,)`.
    """
    faces = faces or alignment.find_faces(images)
    embeddings = np.full((len(images), 128), np.nan, np.float32)
    if faces.found.any():
        chips = np.stack([align(images[k], faces.points[k]) for k in np.flatnonzero(faces.found)])
        embeddings[faces.found] = embed(chips)
    return embeddings, faces.found


def align(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The chip of one face: uint8 `(150, 150, 3)`; `points` as in `alignment.Faces`."""
    return alignment.chip(image, points, TEMPLATE, SIDE)


def embed(chips: np.ndarray) -> np.ndarray:
    """Embeds aligned faces.

    Args:
        chips: uint8 `(N, 150, 150, 3)`, RGB, from `align`.

    Returns:
        float32 `(N, 128)`.
    """
    return network().predict(chips.astype(np.float32), batch_size=BATCH, verbose=0)


@cache
def network() -> keras.Model:
    """The network with its weights: keras.Model, float `(N, 150, 150, 3)` in [0, 255] RGB -> `(N, 128)`.

    Raises:
        WeightsError: if the weight file is missing or not that of this version.
    """
    weights = _weights()
    image = keras.Input((SIDE, SIDE, 3))
    x = (image - ops.array(MEAN, "float32")) / 255
    x = layers.Conv2D(32, 7, strides=2, activation="relu", name="conv32_down")(x)
    x = layers.MaxPooling2D(3, strides=2)(x)
    for name in ("32_1", "32_2", "32_3", "64_down", "64_1", "64_2", "64_3", "128_down", "128_1", "128_2",
                 "256_down", "256_1", "256_2", "256_down_out"):  # fmt: skip
        x = _residual(x, name)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, layers.Dense(128, use_bias=False, name="fc")(x), name="dlib")
    model.get_layer("fc").set_weights([weights["fc"]])
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D):
            # dlib's convolution is followed by a scale and a shift a channel (its batch normalisation): fold them in
            path = layer.name.replace(".", "/")
            scale = weights[f"{path}/scale/weights"]
            bias = weights[f"{path}/conv/bias"] * scale + weights[f"{path}/scale/biases"]
            layer.set_weights([weights[f"{path}/conv/filters"] * scale, bias])
    return model


def _residual(x, name):
    width, down = int(name.split("_")[0]), "down" in name
    y = layers.Conv2D(
        width, 3, strides=2 if down else 1, padding="valid" if down else "same", activation="relu",
        name=f"conv{name}.conv1",
    )(x)  # fmt: skip
    y = layers.Conv2D(width, 3, padding="same", name=f"conv{name}.conv2")(y)
    if down:  # halve the shortcut; zeros make up for missing rows and columns of y and missing channels of x
        x = layers.AveragePooling2D(2)(x)
        y = ops.pad(y, [(0, 0), (0, x.shape[1] - y.shape[1]), (0, x.shape[2] - y.shape[2]), (0, 0)])
        x = ops.pad(x, [(0, 0), (0, 0), (0, 0), (0, width - x.shape[3])])
    return ops.relu(x + y)


def _weights():
    """dict name -> float32 array: value = code * scale + min where the file holds 8-bit codes."""
    if not PATH.is_file() or hashlib.sha256(PATH.read_bytes()).hexdigest() != SHA256:
        raise files.WeightsError(f"{PATH} is missing or not the file of this version; fetch it again.")
    with safetensors.safe_open(PATH, framework="numpy") as file:
        header = json.loads(file.metadata()["uunet"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    return {name: dequantize(codes, **header["quantization"].get(name, {})) for name, codes in tensors.items()}


def dequantize(codes: np.ndarray, scale: float = 1.0, min: float = 0.0) -> np.ndarray:
    """codes * scale + min as float32."""
    return codes.astype(np.float32) * np.float32(scale) + np.float32(min)
