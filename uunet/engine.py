"""Heads through the networks: the only place where a ROI becomes a network's input and a network's answer a ROI.

    ROI, 8 bits -> network size -> U_e or U_d -> ROI size -> 8 bits

A U_e that draws without seeing (`models.virtual`) gets the ROI without the head, and what it draws is blended with the
ROI at the ROI's own size, so that the surroundings stay as sharp as they are.

The pipeline, evaluation, the attacks and the sample sheets of training all call it.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import keras
import numpy as np
from scipy.special import log_softmax

from uunet import pixels
from uunet.errors import UUNetError
from uunet.models import generator, twin, virtual

Rois = Sequence[np.ndarray] | np.ndarray  # uint8 `(h, w, 3)`, of any sizes
Tracks = Sequence[int | tuple[int, ...]] | np.ndarray  # of each head
HEADS_AT_ONCE = 64  # heads in one network call, to bound memory
MARGIN = 1 / 16  # of the side of a ROI, over which a head drawn without seeing passes into what is beyond
FIRST_HEADS = 20  # the virtual person of a track is chosen from its first heads, this many at most


class ModelError(UUNetError):
    """A network is not the one the step needs."""


def draws_first(encoder: Any) -> bool:
    """Whether U_e draws t, another person, before it hides x in t (`models.twin`)."""
    return isinstance(encoder, twin.TwinEncoder)


def draws_unseen(encoder: Any) -> bool:
    """Whether U_e draws without seeing x, and hides nothing of it (`models.virtual`)."""
    return isinstance(encoder, virtual.VirtualEncoder)


def draws_alone(encoder: Any) -> bool:
    """Whether U_e can draw without hiding x in what it draws."""
    return draws_first(encoder) or draws_unseen(encoder)


def side(encoder: Any) -> int:
    """Side of the images of U_e, in pixels."""
    return encoder.size if draws_unseen(encoder) else encoder.inputs[0].shape[1]


def network_inputs(rois: Rois, size: int) -> np.ndarray:
    """What a network sees of some ROIs.

    Args:
        rois: sequence of uint8 `(h, w, 3)`, of any sizes.
        size: int, side of the network's images in pixels.

    Returns:
        float32 `(N, size, size, 3)` in [0, 1].
    """
    return np.array([pixels.to_network(roi, size) for roi in rois], np.float32).reshape(-1, size, size, 3)


class Deidentifier:
    """U_e, and who stands in for each track: one draw of the noise channel and, if U_e draws a person, one person.

    The person, or the labels of the person, are chosen from the first FIRST_HEADS heads of the track, by what U_e reads
    in all of them together. They are those that `meet` is shown before the track is first de-identified; without
    `meet`, those of the first call that has the track. Heads of a track come in the order of time; in how many calls
    makes no difference.

    Args:
        encoder: keras.Model U_e, `(B, S, S, 4)` to `(B, S, S, 3)`, a `models.twin.TwinEncoder`, or a
            `models.virtual.VirtualEncoder`.
        seed: int >= 0; it decides the noise of each track.
        output: "a", or "t": what a TwinEncoder draws before it hides x there.
        noise: dict track -> float32 `(S, S, 1)` of U(0, 1), for tracks whose noise is given; None for none.
        steady: whether what a VirtualEncoder is told of the heads of a track is smoothed over time
            (`virtual.steadied`); if not, each head is drawn by itself.
        grain: whether what a VirtualEncoder draws gets the grain of its surroundings, where it has to be enlarged.

    Raises:
        ModelError: if `encoder` is not an encoder.
    """

    def __init__(
        self,
        encoder: Any,
        seed: int,
        *,
        output: str = "a",
        noise: dict | None = None,
        steady: bool = False,
        grain: bool = False,
    ) -> None:
        if not draws_unseen(encoder):
            _check(encoder, 4)
        self.encoder, self.seed, self.output = encoder, seed, output
        self.steady, self.grain = steady, grain
        self.size = side(encoder)
        self.noise = dict(noise or {})  # track -> its noise channel
        self.people = {}  # track -> its virtual person, one-hot; of a VirtualEncoder, the labels to draw
        self._numbers = {}  # track -> the numbers that its last head was drawn with
        self._grained: Counter = Counter()  # track -> how many of its heads were given grain
        self._read = {}  # track -> list of what was read in each of its first heads, until its person is chosen

    @property
    def unseen(self) -> bool:
        """Whether U_e draws without seeing the head."""
        return draws_unseen(self.encoder)

    @property
    def chooses(self) -> bool:
        """Whether U_e has to be told a person, so that `meet` has something to read."""
        return draws_alone(self.encoder)

    def meet(self, rois: Rois, tracks: Tracks) -> None:
        """Predicts the labels of heads of new tracks, from which `_person` later chooses their virtual people.

        Call it before the first call of the Deidentifier, if more heads of a track are known than that call gets. Of
        each track the first FIRST_HEADS count.

        Args:
            rois: sequence of uint8 `(h, w, 3)`; those of a track in the order of time.
            tracks: sequence of the track of each: an int, or a tuple of ints.
        """
        if not self.chooses:
            return
        new = []
        for roi, track in zip(rois, tracks, strict=True):
            read = self._read.setdefault(track, []) if track not in self.people else None
            if read is not None and len(read) < FIRST_HEADS:
                read.append(None)  # its place, until the network has answered
                new.append((roi, read, len(read) - 1))
        for start in range(0, len(new), HEADS_AT_ONCE):
            some = new[start : start + HEADS_AT_ONCE]
            heads = network_inputs([roi for roi, _, _ in some], self.size)
            if self.unseen:
                _, logits = self.encoder.read(heads)
            else:
                logits = self.encoder.read.predict_on_batch(heads)
            logits = [log_softmax(np.asarray(logit), axis=-1) for logit in logits]
            for k, (_, read, place) in enumerate(some):
                read[place] = [logit[k] for logit in logits]

    def __call__(
        self,
        rois: Rois,
        tracks: Tracks,
        *,
        shapes: Sequence[tuple[int, int]] | None = None,
        around: Sequence[np.ndarray] | None = None,
        report: Callable[[int, int], object] | None = None,
    ) -> Any:  # an array if `rois` is one
        """U_e's version of each head.

        Args:
            rois: sequence of uint8 `(h, w, 3)`, of any sizes.
            tracks: sequence of the track of each: an int, or a tuple of ints.
            shapes: sequence of `(h, w)` of the answers; None for those of `rois`.
            around: for a VirtualEncoder whose ROIs lie in a frame, the ROIs without heads, which continue what is
                beyond their edges: sequence of uint8 `(h, w, 3)`, of the answers' sizes. Answers meet them there. None
                where no more is known than the ROIs.
            report: callable `(done, total)` of heads, or None.

        Returns:
            list of uint8 `(h, w, 3)`; an array `(N, h, w, 3)` if `rois` is one and no `shapes` are given.
        """
        known = self.people.keys() | self._read.keys()
        fresh = [k for k, track in enumerate(tracks) if track not in known]
        self.meet([rois[k] for k in fresh], [tracks[k] for k in fresh])
        as_array = isinstance(rois, np.ndarray) and shapes is None
        shapes = [roi.shape[:2] for roi in rois] if shapes is None else shapes
        if self.unseen:
            made = self._drawn(rois, tracks, shapes, around)
        else:
            made = _in_rois(self._answers(rois, tracks), shapes)
        return _gathered(made, rois, as_array, report)

    def _drawn(self, rois, tracks, shapes, around):
        """The answers of a VirtualEncoder, in their ROIs."""
        for start in range(0, len(rois), HEADS_AT_ONCE):
            some = range(start, min(start + HEADS_AT_ONCE, len(rois)))
            read, _ = self.encoder.read(network_inputs([rois[k] for k in some], self.size))
            numbers = np.stack([self._steadied(tracks[k], one) for k, one in zip(some, read, strict=True)])
            kept = [_without_head(rois[k], *shapes[k]) if around is None else around[k] for k in some]
            y = network_inputs(kept, self.size)
            labels = np.stack([self._person(tracks[k]) for k in some])
            noise = np.stack([self._noise(tracks[k]) for k in some])
            faces = self.encoder.draw(y, numbers, labels, noise)
            for k, face, *seen in zip(some, faces, y, kept, strict=True):
                yield _blended(face, *seen, meets=around is not None, grain=self._grain(tracks[k], shapes[k]))

    def _grain(self, track, shape):
        """N(0, 1) for the pixels of the next head of a track, `(h, w, 1)`; None where it gets no grain."""
        if not self.grain or max(shape) <= self.size:
            return None
        self._grained[track] += 1
        return np.random.default_rng([self.seed, *np.ravel(track), self._grained[track]]).normal(size=(*shape, 1))

    def _steadied(self, track, numbers):
        if self.steady:
            self._numbers[track] = numbers = virtual.steadied(numbers, self._numbers.get(track))
        return numbers

    def _answers(self, rois, tracks):
        for start in range(0, len(rois), HEADS_AT_ONCE):
            some, whose = rois[start : start + HEADS_AT_ONCE], tracks[start : start + HEADS_AT_ONCE]
            noise = np.stack([self._noise(track) for track in whose])
            image = np.concatenate([network_inputs(some, self.size), noise], axis=-1)
            if self.chooses:
                people = np.stack([self._person(track) for track in whose])
                _, made = self.encoder.predict_on_batch({"image": image, "person": people})
                yield from np.asarray(made[self.output])[: len(some)]
            else:
                yield from _predicted(self.encoder, image)

    def _noise(self, track):
        if track not in self.noise:
            rng = np.random.default_rng([self.seed, *np.ravel(track)])
            self.noise[track] = pixels.noise_channel(rng, self.size)
        return self.noise[track]

    def _person(self, track):
        """The virtual person of a track, or the labels; chosen at the first call from the mean of `meet`'s reading."""
        if track not in self.people:
            together = [np.mean(part, axis=0, keepdims=True) for part in zip(*self._read.pop(track), strict=True)]
            noise = self._noise(track)
            if self.unseen:
                self.people[track] = self.encoder.asked([logit[0] for logit in together], noise)
            else:
                self.people[track] = twin.choose(together, self.encoder.s, noise[0, :1, 0])[0]
        return self.people[track]


class Reidentifier:
    """U_d.

    Args:
        decoder: keras.Model U_d, `(B, S, S, 3)` to `(B, S, S, 3)`; None where weights have none.

    Raises:
        ModelError: if `decoder` is not a decoder, or None.
    """

    def __init__(self, decoder: keras.Model | None) -> None:
        if decoder is None:
            raise ModelError(
                "These weights have no decoder, because they draw without seeing the head: the originals come back "
                "only where they are sealed, with --identity."
            )
        _check(decoder, 3)
        self.decoder, self.size = decoder, decoder.inputs[0].shape[1]

    def __call__(
        self, rois: Rois, *, report: Callable[[int, int], object] | None = None
    ) -> Any:  # an array if `rois` is one
        """U_d's version of each head: `rois` and `report` as in `Deidentifier`, and so is what it returns."""
        made = _in_rois(self._answers(rois), [roi.shape[:2] for roi in rois])
        return _gathered(made, rois, isinstance(rois, np.ndarray), report)

    def faces(self, rois: Rois) -> np.ndarray:
        """U_d's answers as they are, neither resized nor rounded: float32 `(N, S, S, 3)` in [0, 1]."""
        return np.stack(list(self._answers(rois)))

    def _answers(self, rois):
        for start in range(0, len(rois), HEADS_AT_ONCE):
            yield from _predicted(self.decoder, network_inputs(rois[start : start + HEADS_AT_ONCE], self.size))


def _predicted(model, inputs):
    # predict_on_batch: 2 to 5 times as fast as calling the model (TensorFlow, 2 CPU cores); TensorFlow compiles it once
    # for all numbers of heads, JAX again for each new one. Of several devices, each answers all heads.
    return np.asarray(model.predict_on_batch(inputs))[: len(inputs)]


def _in_rois(answers, shapes):
    """Answers of a network, resized and rounded to 8 bits."""
    for face, shape in zip(answers, shapes, strict=True):
        yield pixels.to_roi(face, *shape)


def _without_head(roi, height, width):
    """What a VirtualEncoder may see of a ROI, at the size of the answer."""
    if roi.shape[:2] != (height, width):
        roi = pixels.to_roi(pixels.to_float(roi), height, width)
    return virtual.without(roi, generator.removed(height, width))


def _blended(face, y, around, *, meets, grain):
    """A face that was drawn without seeing, in its surroundings at their own size: uint8 `(h, w, 3)`.

        a = around + e (E (face - y) - b (around - E y)),    y = E+ around

    E resizes to the ROI. The generator makes face = b f + (1 - b) y, so a is b f + (1 - b) around: the surroundings
    keep the detail that y is too small to show. For a ROI of the network's size a is the face. b does not fall to 0 at
    the upper and lower edges of the ROI; if the face `meets` what is beyond all edges, e does, over MARGIN, else e = 1.
    The face gets what it lacks of the grain of its surroundings.
    """
    height, width = around.shape[:2]
    kept, b = pixels.to_float(around), generator.blending(height, width)
    changed, shown = np.split(pixels.resample(np.concatenate([face - y, y], axis=-1), height, width), 2, axis=-1)
    change = changed - b * (kept - shown)
    e = np.ones((height, width, 1), np.float32)
    if meets:
        rows, columns = (np.minimum(np.arange(side) + 0.5, np.arange(side)[::-1] + 0.5) / side
                         for side in (height, width))  # fmt: skip
        e = np.minimum(1, np.minimum(rows[:, None], columns) / MARGIN)[..., None]
    made = kept + e * change
    if grain is not None:
        lacks = _noise_level(kept, b == 0) ** 2 - _noise_level(made, b == 1) ** 2
        made = made + max(0.0, lacks) ** 0.5 * e * b * grain
    return pixels.to_uint8(made)


def _noise_level(picture, where):
    """Standard deviation of the noise in some pixels, bool `(h, w, 1)`, of a picture.

    The median of the absolute second difference in both directions [Immerkaer 1996], which edges hardly change.
    """
    second = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6  # keeps the level of white noise
    high = cv2.filter2D(picture.mean(axis=-1, dtype=np.float32), -1, second)[where[..., 0]]
    return 1.4826 * float(np.median(np.abs(high))) if high.size else 0.0


def _gathered(made, rois, as_array, report):
    """The versions of some ROIs, as an array or a list."""
    total = len(rois)
    result = np.empty_like(rois) if as_array else [None] * total
    for k, head in enumerate(made):
        result[k] = head
        if report and ((k + 1) % HEADS_AT_ONCE == 0 or k + 1 == total):
            report(k + 1, total)
    return result


def _check(model, channels):
    image, answer = (tuple(ends[k].shape[1:]) for ends, k in ((model.inputs, 0), (model.outputs, -1)))
    size = image[0]
    if image != (size, size, channels) or answer != (size, size, 3):
        role = "encoder takes RGB and noise, (S, S, 4)" if channels == 4 else "decoder takes RGB, (S, S, 3)"
        raise ModelError(
            f"The network maps {image} to {answer} but the {role}, and returns (S, S, 3): give the other network."
        )
