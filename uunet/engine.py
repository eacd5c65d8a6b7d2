"""Heads through the networks: the only place where a ROI becomes a network's input and a network's answer a ROI.

    ROI, 8 bits -> network size -> U_e or U_d -> ROI size -> 8 bits

The pipeline, evaluation, the attacks and the sample sheets of training all call it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from scipy.special import log_softmax

from uunet import pixels
from uunet.errors import UUNetError
from uunet.models import twin

Rois = Sequence[np.ndarray] | np.ndarray  # uint8 `(h, w, 3)`, of any sizes
Tracks = Sequence[int | tuple[int, ...]] | np.ndarray  # of each head
HEADS_AT_ONCE = 64  # heads in one network call, to bound memory
FIRST_HEADS = 20  # the virtual person of a track is chosen from its first heads, this many at most


class ModelError(UUNetError):
    """A network is not the one the step needs."""


def draws_first(encoder: keras.Model) -> bool:
    """Whether U_e draws t, another person, before it hides x in t (`models.twin`)."""
    return isinstance(encoder, twin.TwinEncoder)


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

    The person is chosen from the first FIRST_HEADS heads of the track, by what U_e reads in all of them together. They
    are those that `meet` is shown before the track is first de-identified; without `meet`, those of the first call that
    has the track.

    Args:
        encoder: keras.Model U_e, `(B, S, S, 4)` to `(B, S, S, 3)`, or a `models.twin.TwinEncoder`.
        seed: int >= 0; it decides the noise of each track.
        output: "a", or "t": what a TwinEncoder draws before it hides x there.
        noise: dict track -> float32 `(S, S, 1)` of U(0, 1), for tracks whose noise is given; None for none.

    Raises:
        ModelError: if `encoder` is not an encoder.
    """

    def __init__(self, encoder: keras.Model, seed: int, *, output: str = "a", noise: dict | None = None) -> None:
        _check(encoder, 4)
        self.encoder, self.seed, self.output = encoder, seed, output
        self.size = encoder.inputs[0].shape[1]
        self.noise = dict(noise or {})  # track -> its noise channel
        self.people = {}  # track -> its virtual person, one-hot
        self._read = {}  # track -> list of what was read in each of its first heads, until its person is chosen

    @property
    def chooses(self) -> bool:
        """Whether U_e has to be told a person, so that `meet` has something to read."""
        return draws_first(self.encoder)

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
            logits = self.encoder.read.predict_on_batch(network_inputs([roi for roi, _, _ in some], self.size))
            logits = [log_softmax(np.asarray(logit), axis=-1) for logit in logits]
            for k, (_, read, place) in enumerate(some):
                read[place] = [logit[k] for logit in logits]

    def __call__(
        self,
        rois: Rois,
        tracks: Tracks,
        *,
        shapes: Sequence[tuple[int, int]] | None = None,
        report: Callable[[int, int], object] | None = None,
    ) -> Any:  # an array if `rois` is one
        """U_e's version of each head.

        Args:
            rois: sequence of uint8 `(h, w, 3)`, of any sizes.
            tracks: sequence of the track of each: an int, or a tuple of ints.
            shapes: sequence of `(h, w)` of the answers; None for those of `rois`.
            report: callable `(done, total)` of heads, or None.

        Returns:
            list of uint8 `(h, w, 3)`; an array `(N, h, w, 3)` if `rois` is one and no `shapes` are given.
        """
        known = self.people.keys() | self._read.keys()
        fresh = [k for k, track in enumerate(tracks) if track not in known]
        self.meet([rois[k] for k in fresh], [tracks[k] for k in fresh])
        return _in_rois(self._answers(rois, tracks), rois, shapes, report)

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
        """The virtual person of a track; chosen at the first call from the mean of what `meet` predicted."""
        if track not in self.people:
            together = [np.mean(part, axis=0, keepdims=True) for part in zip(*self._read.pop(track), strict=True)]
            self.people[track] = twin.choose(together, self.encoder.s, self._noise(track)[0, :1, 0])[0]
        return self.people[track]


class Reidentifier:
    """U_d.

    Args:
        decoder: keras.Model U_d, `(B, S, S, 3)` to `(B, S, S, 3)`.

    Raises:
        ModelError: if `decoder` is not a decoder.
    """

    def __init__(self, decoder: keras.Model) -> None:
        _check(decoder, 3)
        self.decoder, self.size = decoder, decoder.inputs[0].shape[1]

    def __call__(
        self, rois: Rois, *, report: Callable[[int, int], object] | None = None
    ) -> Any:  # an array if `rois` is one
        """U_d's version of each head: `rois` and `report` as in `Deidentifier`, and so is what it returns."""
        return _in_rois(self._answers(rois), rois, None, report)

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


def _in_rois(answers, rois, shapes, report):
    """Answers of a network, resized and rounded to 8 bits."""
    total = len(rois)
    as_array = isinstance(rois, np.ndarray) and shapes is None
    result = np.empty_like(rois) if as_array else [None] * total
    for k, face in enumerate(answers):
        result[k] = pixels.to_roi(face, *(rois[k].shape[:2] if shapes is None else shapes[k]))
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
