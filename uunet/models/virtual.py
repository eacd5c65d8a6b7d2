"""U_e of the `virtual` presets: a generator that never sees the head, and the reader that says the little it is told.

Beyond the paper. U_e hides nothing of x in what it draws, so there is no U_d; the original is sealed, or is gone.
`models.generator` lists what of x enters a.
"""

from collections.abc import Sequence

import cv2
import keras
import numpy as np

from uunet import labels as vocabulary
from uunet.errors import UUNetError
from uunet.models import generator, twin

S = (-1, 1, 1, 1)  # what is drawn, unless another s is asked for: somebody else of the same labels
STEADY = 0.25  # share of a change of the numbers that is followed at once, however small it is
SUDDEN = 0.5  # change, in units of `generator.SPREAD`, that adds 1 to that share


class VirtualError(UUNetError):
    """A generator and a reader that do not fit each other, or an s that they cannot follow."""


class VirtualEncoder:
    """A generator and its reader, which draw together.

    Args:
        draws: keras.Model G, `models.head_generator`.
        reads: keras.Model R, `models.head_reader`, of the same side.
        s: four of {-1, 0, 1}: which labels of x the drawn person shares. s of the ID is -1.

    Attributes:
        draws, reads, s: as given.
        size: int, side of the images of both, in pixels.
        codes: int, length of z.

    Raises:
        VirtualError: if a network is another one, their sides differ, or s cannot be followed.
    """

    def __init__(self, draws: keras.Model, reads: keras.Model, s: Sequence[int] = S) -> None:
        if not isinstance(reads.output, dict) or "numbers" not in reads.output:
            raise VirtualError("The reader is another network: name the reader.safetensors of `uunet train-reader`.")
        if not isinstance(draws.input, dict) or "code" not in draws.input:
            raise VirtualError(
                "The generator is another network: name the generator.safetensors of `uunet train-generator`."
            )
        self.draws, self.reads, self.s = draws, reads, tuple(s)
        self.size, self.codes = draws.input["image"].shape[1], draws.input["code"].shape[1]
        if reads.input_shape[1] != self.size:
            raise VirtualError(
                f"The generator is for {self.size} pixels, its reader for {reads.input_shape[1]}: give the reader that "
                "it was trained with."
            )
        if len(self.s) != 1 + len(vocabulary.VALUES) or self.s[0] != -1 or not {-1, 0, 1}.issuperset(self.s):
            raise VirtualError(
                "The generator never sees x, so it cannot keep the ID: s is -1, then -1, 0 or 1 for each of "
                f"{', '.join(vocabulary.VALUES)}; got {self.s}."
            )

    def read(self, x: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        """What the reader says of heads, float32 `(B, size, size, 3)` in [0, 1]: all that is used of the head itself.

        Returns:
            numbers float32 `(B, 9)`, see `generator.NUMBERS`; logits of gender, ethnicity, hairstyle, `(B, n)` each.
        """
        made = self.reads.predict_on_batch(x)
        logits = [np.asarray(made[label])[: len(x)] for label in vocabulary.VALUES]
        return np.asarray(made["numbers"])[: len(x)], logits

    def asked(self, logits: Sequence[np.ndarray], noise: np.ndarray) -> np.ndarray:
        """The labels to draw of one track: int `(3,)`.

        Args:
            logits: list of `(n,)`, of gender, ethnicity and hairstyle.
            noise: float32 `(size, size, 1)` of U(0, 1), of the track. Its last value draws among the labels that s
                allows, its first ones are z.
        """
        asked, _ = twin.asked_labels([logit[None] for logit in logits], self.s, np.ravel(noise)[-1:])
        return np.concatenate(asked)

    def draw(self, y: np.ndarray, numbers: np.ndarray, labels: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """A head in each of some surroundings.

        Args:
            y: float32 `(B, size, size, 3)` in [0, 1]; what is in its `generator.removed` pixels does not matter.
            numbers: float32 `(B, 9)`.
            labels: int `(B, 3)`, as `asked`.
            noise: float32 `(B, size, size, 1)`, of the tracks.

        Returns:
            float32 `(B, size, size, 3)` in [0, 1].
        """
        codes = np.stack([generator.code_of(one, self.codes) for one in noise])
        given = {"image": y, "numbers": numbers, "labels": generator.one_hot(labels), "code": codes}
        return np.asarray(self.draws.predict_on_batch(given))[: len(y)]


def steadied(numbers: np.ndarray, before: np.ndarray | None) -> np.ndarray:
    """The numbers to draw a head with: those read, smoothed over the heads of a track before it.

        q_t = q_(t-1) + w (p_t - q_(t-1)),  w = min(1, STEADY + |p_t - q_(t-1)| / (SPREAD SUDDEN))

    Small changes, which the reader's errors make, are smoothed over about 1 / STEADY frames; large ones are followed at
    once.

    Args:
        numbers: float32 `(9,)`, p_t.
        before: float32 `(9,)`, q_(t-1); None for the first head of a track, which is drawn as it is read.

    Returns:
        float32 `(9,)`, q_t.
    """
    if before is None:
        return numbers
    change = numbers - before
    weight = np.minimum(1, STEADY + np.abs(change) / (np.array(generator.SPREAD, np.float32) * SUDDEN))
    return (before + weight * change).astype(np.float32)


def without(picture: np.ndarray, removed: np.ndarray) -> np.ndarray:
    """A picture in which every removed pixel has the value of the nearest one that is not removed.

    Whatever is made of it, at any size, owes nothing to the removed pixels: no interpolation reads them.

    Args:
        picture: uint8 `(h, w, 3)`.
        removed: bool `(h, w)`, e.g. `generator.removed`.

    Returns:
        uint8 `(h, w, 3)`; grey if all pixels are removed.
    """
    if removed.all():
        return np.full_like(picture, 128)
    _, numbers = cv2.distanceTransformWithLabels(
        removed.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    pixels = np.zeros((numbers.max() + 1, 3), np.uint8)
    pixels[numbers[~removed]] = picture[~removed]  # each kept pixel has a number; each removed one that of the nearest
    return pixels[numbers]
