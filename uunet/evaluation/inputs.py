"""What is evaluated, weights on the heads of a set, and what a record says of both."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from uunet import data, engine, presets
from uunet.config import DEFAULT_WEIGHTS
from uunet.errors import UUNetError
from uunet.evaluation.judges import own
from uunet.labels import LABELS, UNKNOWN_CODE
from uunet.models import files

Report = Callable[[str, int, int], object]  # (stage, done, total): shows progress


class EvaluationError(UUNetError):
    """What is asked for cannot be measured on this set, or on these weights."""


@dataclass(frozen=True)
class EvaluationConfig:
    """Which weights are evaluated, on which heads, and by whom.

    Attributes:
        folder: Path of a prepared set.
        by: names of evaluators, see `evaluators`.
        weights: preset or folder, see `presets.load`; None where rendered twins are evaluated in their place.
        twins: s of rendered twins, as in `data.load_twins`, or None.
        s: what the weights should follow, or None for what they were trained for.
        split: str.
        seed: int, of noise, samples, pairs, draws and of the evaluators that are trained.
    """

    folder: Path
    by: tuple[str, ...]
    weights: str | None = DEFAULT_WEIGHTS
    twins: tuple[int, ...] | None = None
    s: tuple[int, ...] | None = None
    split: str = "test"
    seed: int = 0


def check_known(by: Sequence[str], known: Sequence[str]) -> None:
    """Raises EvaluationError unless `by` names evaluators, all of them among those `known`."""
    unknown = [name for name in by if name not in known]
    if unknown or not by:
        name = unknown[0] if unknown else ""
        raise EvaluationError(f"--judges names {name!r}, which is no evaluator here; name some of {', '.join(known)}.")


def loaded(weights: str | None, twins: tuple[int, ...] | None = None, s: tuple[int, ...] | None = None) -> tuple:
    """The Preset of weights, or None for twins; the side of its heads, s, and what a record says of it.

    Raises:
        EvaluationError: if encoder and decoder are for two sizes, or the encoder does not say what s it follows.
    """
    if twins is not None:
        return None, own.SIDE, twins, {"twins": data.twins_name(twins)}
    assert weights is not None  # twins alone are evaluated without
    net = presets.load(weights, s)
    size, decoder = engine.side(net.encoder), net.decoder
    back = size if decoder is None else decoder.inputs[0].shape[1]
    if size != back:
        raise EvaluationError(
            f"The encoder of {weights} is for {size} pixels, its decoder for {back}: name the weights of one training."
        )
    made = files.provenance(net.folder / net.files[0])
    s = net.encoder.s if net.unseen else s or made.get("config", {}).get("s")
    if not s or len(s) != len(LABELS):
        raise EvaluationError(
            f"The encoder of {weights} does not say what s it was trained for: train it again, or give --s."
        )
    return net, size, tuple(s), {"name": str(weights), "sha256": hashes(net), "provenance": made}


def hashes(net: presets.Preset) -> dict[str, str]:
    """SHA-256 of the files of U_e and U_d, or of the generator and its reader."""
    return {name: hashlib.sha256((net.folder / name).read_bytes()).hexdigest() for name in net.files}


def labels_known(*splits: data.Heads) -> tuple[str, ...]:
    """The soft labels of which each of some Heads knows at least one value; the evaluator `soft_labels` needs one."""
    known = [(heads.labels != UNKNOWN_CODE).any(axis=0) for heads in splits]
    return tuple(label for label, *of in list(zip(LABELS, *known, strict=True))[1:] if all(of))


def described(heads: data.Heads, folder: Path, split: str) -> dict:
    """What a record says of its data."""
    return {"folder": str(folder), "split": split, "sha256": heads.sha256, "heads": len(heads.images),
            "people": len(np.unique(heads.labels[:, 0])), "sequences": len(np.unique(heads.sequences)),
            "skipped": len(heads.skipped)}  # fmt: skip


def sampled(heads: data.Heads, whole: data.Heads) -> dict:
    """What a record says of a sample of a split: how many heads and people the `whole` has; {} if it is all of it."""
    if heads is whole:
        return {}
    return {"of_heads": len(whole.images), "of_people": len(np.unique(whole.labels[:, 0]))}


def counted(about: dict) -> str:
    """How many heads of how many people, as text, from what a record says of its data."""
    if "of_heads" not in about:
        return f"{about['heads']} heads of {about['people']} people, split {about['split']}"
    heads, people = (f"{about[key]} of {about[f'of_{key}']} {key}" for key in ("heads", "people"))
    return f"{heads} and {people}, drawn at random from the split {about['split']}"


def stage(report: Report, name: str) -> Callable[[int, int], object]:
    """The callable that reports `(done, total)` of one stage."""
    return lambda done, total: report(name, done, total)


def deidentified(heads: data.Heads, net: presets.Preset, seed: int, report: Report, name: str) -> np.ndarray:
    """U_e's versions of Heads, by a Preset: `engine.Deidentifier`, reported as a stage of this name."""
    return engine.Deidentifier(net.encoder, seed, steady=True)(
        heads.images, heads.sequences, report=stage(report, name)
    )
