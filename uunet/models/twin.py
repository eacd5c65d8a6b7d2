"""U_e and U_d of the `twin` preset: U_e draws another person first, and hides the original in what it drew.

Not in the paper, whose U_e does both at once and has to weigh one against the other: at its weights reversal outvotes
appearance (docs/training-log.md). Here what is hidden is bounded, so that a cannot look like x again:

    l = L(x)                                gender, ethnicity and hairstyle of x
    v = choose(l, s, u)                     one of 160 virtual people, whose labels are to l as s says; not in the graph
    n, p = M(x)                             where x's head is, a soft mask; where its eyes, nose, mouth ... are
    f, o = D(c, n, p, v)                    v's head, and where it covers x's
    m = 1 - (1 - n) (1 - o)                 either head
    t = m * f + (1 - m) * x                 the twin: v's head on x's own background
    a = clip(t + strength * tanh(H(x, t)))  what is published
    r = U_d(a) = clip(a + R(a))

M, D, H, R are small U-Nets, L a small classifier, all on squares of 2 x 2 pixels made channels, 4 x 4 in large heads.
D sees c, which is x with its head reduced to one value for every 8 x 8 of 64 x 64 pixels, and to as few of more pixels,
and the places p: enough for pose, expression and light, too little to copy a face from. v is an input of the network;
`choose` finds it from l, s and u ~ U(0, 1), the first value of the noise channel. `engine.Deidentifier` chooses once
for a whole track, whatever L reads in single frames.
"""

import math
from collections.abc import Sequence

import keras
import numpy as np
from keras import layers, ops

from uunet import labels
from uunet.models import precision
from uunet.pixels import Tensor

COARSE = 8  # values each way that D sees of a frame that is all head, whatever its size
LABELS = tuple(len(words) for words in labels.VALUES.values())  # numbers of values: 2, 4, 5
ALIKE = labels.PEOPLE_PER_COMBINATION
PEOPLE = math.prod(LABELS) * ALIKE
LANDMARKS = 10  # `data.LANDMARKS`
SPOT = 1 / 32  # of the side: how far a landmark's place is spread


class TwinEncoder(keras.Model):
    """U_e, which is told whom to draw.

    Inputs are a dict of `image`, float32 `(B, S, S, 4)`, x and a noise channel as for any U_e, and `person`, float32
    `(B, PEOPLE)`, one-hot. Outputs are the logits of x's labels, list of `(B, n)`, and a dict of `a` and `t`, float32
    `(B, S, S, 3)` in [0, 1]. The noise channel is not looked at: `choose` takes its first value for u.

    Attributes:
        read: keras.Model L, x to the logits of its labels.
        parts: keras.Model of M, D and H: x and a person to the dict of n, o, t, a and `places`, the logits
            `(B, S, S, LANDMARKS)` whose softmax over the pixels says where each landmark is.
        s: four of {-1, 0, 1}: who may stand there, as in Eq. 9, for whoever calls `choose`.
    """

    def __init__(self, read: keras.Model, parts: keras.Model, s: Sequence[int], name: str = "encoder") -> None:
        size = read.input_shape[1]
        image, person = keras.Input((size, size, 4), name="image"), keras.Input((PEOPLE,), name="person")
        x = image[..., :3]
        made = parts([x, person])
        # what L reads comes first: checkpoints count variables in this order
        outputs = read(x), {name: made[name] for name in ("a", "t")}
        super().__init__({"image": image, "person": person}, outputs, name=name)
        self.read, self.parts, self.s = read, parts, tuple(s)


def twin_encoder(
    *, size: int = 64, width: int = 32, s: Sequence[int] = (-1, 1, 1, 1), strength: float = 0.04, name: str = "encoder"
) -> TwinEncoder:
    """U_e: a head and a virtual person -> the same frame with that person's head, x hidden in it.

    Args:
        size: int, side of the images in pixels, a multiple of 32.
        width: int, kernels of the first level of D; M has half as many, H 1.5 times as many.
        s: four of {-1, 0, 1}: who may stand there, as in Eq. 9.
        strength: float, the most by which hiding changes a value of t, in [0, 1].
        name: str.

    Returns:
        TwinEncoder.
    """
    return TwinEncoder(_reader(size, width), _drawing(size, width, strength), s, name)


def choose(logits: Sequence[np.ndarray], s: Sequence[int], u: np.ndarray) -> np.ndarray:
    """The virtual person for a head: one of those whom s allows, each with the same probability.

    N is the number of these people. floor(N u) is written with one digit per label: by how many values the label
    differs from the head's (1, 2, ... if it must differ, 0, 1, ... if it may). One more digit says which of the ALIKE
    people with these labels it is.

    Args:
        logits: list of `(B, n)`, of gender, ethnicity and hairstyle; of a track, the means of its heads'.
        s: four of {-1, 0, 1}.
        u: float32 `(B,)` in [0, 1].

    Returns:
        float32 `(B, PEOPLE)`, one-hot.
    """
    asked, rest = asked_labels(logits, s, u, ALIKE)
    person = np.ravel_multi_index(tuple(asked), LABELS)
    return np.eye(PEOPLE, dtype=np.float32)[person * ALIKE + rest]


def asked_labels(
    logits: Sequence[np.ndarray], s: Sequence[int], u: np.ndarray, alike: int = 1
) -> tuple[list[np.ndarray], np.ndarray]:
    """The labels of a virtual person, drawn from all that s allows, each set of them with the same probability.

    Args:
        logits, s, u: as in `choose`.
        alike: int, how many people have the same labels.

    Returns:
        list of int `(B,)`, of gender, ethnicity and hairstyle; and int `(B,)`, which of the people who have them.
    """
    choices = [1 if wish == 1 else values + wish for values, wish in zip(LABELS, s[1:], strict=True)]
    allowed = math.prod(choices) * alike
    rest = np.clip(u * allowed, 0, allowed - 1).astype(int)
    asked = []
    for logit, values, count, wish in zip(logits, LABELS, choices, s[1:], strict=True):
        rest, digit = rest // count, rest % count
        own = np.argmax(logit, axis=-1)
        asked.append((own + digit + (1 if wish == -1 else 0)) % values)
    return asked, rest


def labels_of(person: Tensor) -> Tensor:
    """Gender, ethnicity and hairstyle of virtual people: int `(B,)` -> int `(B, 3)`."""
    number, labels = person // ALIKE, []
    for values in reversed(LABELS):
        number, label = number // values, number % values
        labels.append(label)
    return ops.stack(labels[::-1], axis=-1)


def _reader(size, width):
    """L: x to logits."""
    x = keras.Input((size, size, 3))
    y = unshuffle(x - 0.5, fold_of(size))
    for level in range(4):
        y = layers.LeakyReLU(0.1)(layers.Conv2D(width * 2**level, 3, padding="same", name=f"read{level}")(y))
        y = layers.MaxPooling2D(2)(y)
    y = layers.Dropout(0.4, name="forget")(layers.Flatten()(y))
    logits = [layers.Dense(values, dtype=precision.exact(), name=f"label{k}")(y) for k, values in enumerate(LABELS)]
    return keras.Model(x, logits, name="read")


def _drawing(size, width, strength):
    """M, D and H: the `parts` of a TwinEncoder."""
    fold, cell = fold_of(size), size // COARSE
    x, person = keras.Input((size, size, 3)), keras.Input((PEOPLE,))
    found = shuffle(_unet(unshuffle(x - 0.5, fold), width // 2, outputs=fold**2 * (1 + LANDMARKS), name="find"), fold)
    n, places = ops.sigmoid(found[..., :1]), found[..., 1:]
    # what draws may not teach M: it would rather leave x as it is
    given = ops.stop_gradient(n)
    coarse = layers.UpSampling2D(cell, interpolation="bilinear")(layers.AveragePooling2D(cell)(x))
    c = given * coarse + (1 - given) * x
    there = ops.stop_gradient(spots(_expected(places), size, SPOT))
    seen = unshuffle(ops.concatenate([c - 0.5, given, there], axis=-1), fold)
    drawn = shuffle(_unet(seen, width, outputs=fold**2 * 4, name="draw", style=person), fold)
    f, o = ops.sigmoid(drawn[..., :3]), ops.sigmoid(drawn[..., 3:])
    m = ops.stop_gradient(1 - (1 - n) * (1 - o))
    t = m * f + (1 - m) * x
    # what hides must not draw: the reconstruction's gradient ends here
    shown = ops.stop_gradient(t)
    both = unshuffle(ops.concatenate([x, shown], axis=-1) - 0.5, fold)  # (B, size/fold, size/fold, fold^2 6)
    hidden = shuffle(_unet(both, 3 * width // 2, outputs=fold**2 * 3, name="hide", levels=2), fold)
    a = _clip(shown + strength * ops.tanh(hidden))
    return keras.Model([x, person], {"n": n, "places": places, "o": o, "t": t, "a": a}, name="parts")


def _expected(places):
    """Logits `(B, H, W, K)` to the mean place of each of K landmarks: `(B, K, 2)`, columns and rows in pixels."""
    _, height, width, count = places.shape
    share = ops.softmax(ops.reshape(places, (-1, height * width, count)), axis=1)
    share = ops.reshape(share, (-1, height, width, count))
    columns, rows = (ops.arange(n, dtype=places.dtype) + 0.5 for n in (width, height))
    column = ops.sum(ops.sum(share, axis=1) * columns[:, None], axis=1)
    row = ops.sum(ops.sum(share, axis=2) * rows[:, None], axis=1)
    return ops.stack([column, row], axis=-1)


def spots(places: Tensor, size: int, spread: float) -> Tensor:
    """Places `(B, K, 2)` in pixels to pictures of round spots, `(B, size, size, K)` in (0, 1]; spread: sigma / size."""
    axis = ops.arange(size, dtype=places.dtype)[:, None] + 0.5
    columns, rows = (  # (B, size, K) each
        ops.exp(-0.5 * ops.square((places[:, None, :, k] - axis) / (spread * size))) for k in (0, 1)
    )
    return rows[:, :, None] * columns[:, None]


def twin_decoder(*, size: int = 64, width: int = 32, name: str = "decoder") -> keras.Model:
    """U_d: float32 `(B, size, size, 3)` in [0, 1] to r, the same; its kernels as H's."""
    a, fold = keras.Input((size, size, 3)), fold_of(size)
    found = shuffle(_unet(unshuffle(a - 0.5, fold), 3 * width // 2, outputs=fold**2 * 3, name="reveal", levels=2), fold)
    return keras.Model(a, _clip(a + found), name=name)


def _clip(x):
    """Into [0, 1], the gradient passing straight through: a value outside would else never come back."""
    return x + ops.stop_gradient(ops.clip(x, 0.0, 1.0) - x)


def fold_of(size: int) -> int:
    """Side of the squares of pixels that become channels: 4 pixels in heads of more than 128, else 2."""
    return 4 if size > 128 else 2


def unshuffle(x: Tensor, fold: int) -> Tensor:
    """fold x fold pixels become channels: `(B, H, W, C)` -> `(B, H/fold, W/fold, fold^2 C)`."""
    _, height, width, channels = x.shape
    x = ops.reshape(x, (-1, height // fold, fold, width // fold, fold, channels))
    return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, height // fold, width // fold, fold**2 * channels))


def shuffle(x: Tensor, fold: int) -> Tensor:
    """The inverse of `unshuffle`."""
    _, height, width, channels = x.shape
    x = ops.reshape(x, (-1, height, width, fold, fold, channels // fold**2))
    return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, fold * height, fold * width, channels // fold**2))


def _unet(x, width, outputs, name, style=None, levels=3):
    def convolution(x, kernels, name):
        return layers.LeakyReLU(0.1)(layers.Conv2D(kernels, 3, padding="same", name=name)(x))

    def double(x, kernels, name):
        return convolution(convolution(x, kernels, f"{name}_a"), kernels, f"{name}_b")

    skips = []
    for level in range(levels):
        x = double(x, width * 2**level, f"{name}_down{level}")
        skips.append(x)
        x = layers.AveragePooling2D(2)(x)
    x = double(x, width * 2**levels, f"{name}_bottom")
    if style is not None:
        seen = layers.GlobalAveragePooling2D()(x)
        style = layers.Dense(128, activation="relu", name=f"{name}_style")(ops.concatenate([seen, style], axis=-1))
    for level in reversed(range(levels)):
        x = layers.UpSampling2D()(x)  # nearest, then a convolution: no checkerboard
        x = convolution(ops.concatenate([x, skips[level]], axis=-1), width * 2**level, f"{name}_up{level}_a")
        if style is not None:
            scale = layers.Dense(2 * width * 2**level, name=f"{name}_up{level}_style")(style)[:, None, None]
            gain, offset = ops.split(scale, 2, axis=-1)
            x = x * (1 + gain) + offset
        x = convolution(x, width * 2**level, f"{name}_up{level}_b")
    return layers.Conv2D(outputs, 3, padding="same", dtype=precision.exact(), name=f"{name}_output")(x)
