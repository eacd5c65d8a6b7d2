"""What figures are made from: heads, networks, the outputs of the networks, and what evaluators say of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import keras
import numpy as np

from uunet import data, engine
from uunet.config import DEFAULT_WEIGHTS
from uunet.errors import UUNetError
from uunet.evaluation import alignment, evaluators, inputs

JUDGES = ("own", "dlib")  # the role of VGGFace2 in the paper: trained on the footage, and by others on real people

SETTINGS = {"All Equal": (-1, 1, 1, 1), "All Different": (-1, -1, -1, -1)}  # s of section IV-E


class ExperimentError(UUNetError):
    """A figure cannot be made from this set or these weights."""


@dataclass(frozen=True, eq=False)
class Context:
    """One set and one pair of networks; everything is read or computed when it is first asked for, and then kept.

    Heads have the side of the set's pictures; networks for another see them resized, as in the pipeline.

    Attributes:
        folder: Path of a prepared set, or None.
        weights: preset or folder, see `presets.load`.
        split: str.
        seed: int, of noise, pairs, draws and of the recogniser `own`.
        report: callable `(stage, done, total)`.
        elsewhere: Context of another set and of weights learned there (Fig. 13), or None.
    """

    folder: Path | None
    weights: str = DEFAULT_WEIGHTS
    split: str = "test"
    seed: int = 0
    report: inputs.Report = lambda *_: None
    elsewhere: "Context | None" = None
    kept: dict = field(default_factory=dict)  # (what, of which version) -> what was computed already

    @cached_property
    def heads(self) -> data.Heads:
        """data.Heads of the split."""
        return self._load(self.split)

    @cached_property
    def train(self) -> data.Heads:
        """data.Heads of the train split, for the evaluators that are trained."""
        return self._load("train")

    def rendered(self, split: str, columns: tuple[str, ...]) -> data.Heads:
        """data.Heads of a split with further columns of the manifest, which rendered sets have.

        Raises:
            DataError: if the set lacks some.
        """
        return self._once("rendered", (split, columns), lambda: self._load(split, columns))

    @property
    def data_folder(self) -> Path:
        """The folder of the set.

        Raises:
            ExperimentError: if no set is named.
        """
        if self.folder is None:
            raise ExperimentError("This figure needs a data set: name one (--data), see data_prep/README.md.")
        return self.folder

    def _load(self, split, columns=()):
        return data.load(self.data_folder, split, size=None, columns=columns)

    @cached_property
    def networks(self) -> tuple:
        """The Preset, and what a record says of it."""
        net, _, _, about = inputs.loaded(self.weights)
        return net, about

    @property
    def draws_first(self) -> bool:
        """Whether U_e generates a t before it embeds x in it."""
        return engine.draws_first(self.networks[0].encoder)

    def version(self, name: str) -> np.ndarray:
        """x, a, r or, of other noise, "a'", "r'" of all heads: uint8 `(N, side, side, 3)`.

        t is a before x is embedded in it. It is a itself for weights that do both at once (see `draws_first`).
        """
        return self._once("version", name, lambda: self._make(name, slice(None), self.report))

    def some(self, name: str, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        """The same of some heads `(n,)`: uint8 `(n, side, side, 3)`."""
        if ("version", name) in self.kept:
            return self.kept["version", name][indices]
        return self._make(name, indices, lambda *_: None)

    def _make(self, name, indices, report):
        def stage(done, total):
            report(f"{'U_d' if name[0] == 'r' else 'U_e'}: {name}", done, total)

        if name == "x":
            return self.heads.images[indices]
        net, whole = self.networks[0], isinstance(indices, slice)
        if name[0] == "r":
            if net.decoder is None:
                raise ExperimentError(f"{self.weights} has no U_d, and so no {name}: name other weights (--weights).")
            a = name.replace("r", "a")
            return engine.Reidentifier(net.decoder)(self.version(a) if whole else self.some(a, indices), report=stage)
        noise = self.seed + name.endswith("'")
        deidentifier = engine.Deidentifier(net.encoder, noise, output="t" if name == "t" else "a")
        return _deidentified(deidentifier, self.heads, indices, stage)

    def following(
        self, s: tuple[int, ...], indices: Sequence[int] | np.ndarray, heads: data.Heads | None = None
    ) -> np.ndarray:
        """a of some heads `(n,)` for an s: uint8 `(n, side, side, 3)`; of those of the split, or of `heads`.

        Raises:
            WeightsError: if the encoder does not choose by s.
        """
        heads = heads or self.heads
        encoder = self._once("encoder", s, lambda: replace(self.networks[0], s=s).encoder)

        def stage(done, total):
            self.report(f"U_e, s = {', '.join(map(str, s))}", done, total)

        return _deidentified(engine.Deidentifier(encoder, self.seed), heads, indices, stage)

    def by(self, weights: str) -> "Context":
        """Context of the same heads by other weights; what is known of x is kept."""
        other = replace(self, weights=weights, kept={key: value for key, value in self.kept.items() if key[1] == "x"})
        read = ("heads", "train", "recogniser")
        other.__dict__.update({name: self.__dict__[name] for name in read if name in self.__dict__})
        return other

    def faces(self, name: str) -> alignment.Faces:
        """alignment.Faces of a version."""
        return self._once("faces", name, lambda: evaluators.faces_in(self.version(name), name, self.report))

    def judged(self, judge: str, name: str) -> evaluators.Judged:
        """evaluators.Judged: what one of JUDGES says of a version."""

        def ask():
            images = self.version(name)
            if judge == "own":
                return evaluators.Judged(self.embedded(images), np.ones(len(images), bool))
            return evaluators.by_face(judge, name, images, self.faces(name), self.report)

        return self._once(judge, name, ask)

    def embedded(self, images: np.ndarray) -> np.ndarray:
        """Embeddings by the recogniser `own`: uint8 `(n, side, side, 3)` -> float `(n, 64)`."""
        return evaluators.by_crop(self.recogniser, {"": images})[""].embeddings

    @cached_property
    def recogniser(self) -> keras.Model:
        """The network of the recogniser `own`, trained on the train split."""
        return evaluators.trained_own(self.train, self.seed, self.report)

    def _once(self, what, name, compute):
        if (what, name) not in self.kept:
            self.kept[what, name] = compute()
        return self.kept[what, name]


def _deidentified(deidentifier, heads, indices, report):
    """a of some heads; who stands in for a sequence is chosen from all of it, whichever of its heads are asked for."""
    sequences = heads.sequences[indices]
    whole = np.isin(heads.sequences, sequences)
    deidentifier.meet(heads.images[whole], heads.sequences[whole])
    return deidentifier(heads.images[indices], sequences, report=report)
