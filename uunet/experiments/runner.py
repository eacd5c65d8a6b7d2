"""The record and the picture of a figure, made once from the same inputs."""

import json
import time
from pathlib import Path

from uunet import atomic, engine
from uunet.evaluation import inputs, scorecard
from uunet.evaluation.judges import own
from uunet.experiments import FIGURES
from uunet.experiments.context import Context, ExperimentError
from uunet.training import provenance


def make(name: str, context: Context, out: Path, *, overwrite: bool = False) -> bool:
    """Writes `name`.json and `name`.png, unless they are there and were made from the same data, weights and seed.

    Args:
        name: str, a key of FIGURES.
        context: Context.
        out: Path of a folder, made if need be.
        overwrite: bool, whether what is there is made again.

    Returns:
        bool, whether anything was made.

    Raises:
        UUNetError: if the context lacks what it needs; if a record of other inputs is
            there and is not to be replaced.
    """
    start = time.monotonic()
    provenance.commit()  # remembered from here on: the checkout may change while this runs
    made_of = _made_of(name, context)
    if "larger" not in FIGURES[name].USES:
        _check_sizes(name, context)
    record_path, picture_path = out / f"{name}.json", out / f"{name}.png"
    record = None
    if record_path.exists() and not overwrite:
        record = _read(record_path)
        if _hashes(record) != _hashes({**made_of, "provenance": {"seed": context.seed}}):
            raise ExperimentError(
                f"{record_path} is no record of these data, weights and seed: name another folder (--out), or ask to "
                "replace it (--overwrite)."
            )
        if picture_path.exists():
            return False
    atomic.make_folder(out)
    with atomic.new_file(picture_path, overwrite=overwrite) as picture:
        if record is None:
            with atomic.new_file(record_path, overwrite=overwrite) as file:
                found = FIGURES[name].compute(context, context.report)
                record = {**made_of, "provenance": provenance.made(context.seed, time.monotonic() - start), **found}
                scorecard.save(record, file)
        figure = FIGURES[name].plot(record, context)
        figure.suptitle(caption(record), fontsize=7)
        figure.savefig(picture, dpi=200)
    return True


def _made_of(name, context):
    """What a record says of its data and weights."""
    found = {"figure": name}
    if "data" in FIGURES[name].USES:
        found["data"] = inputs.described(context.heads, context.folder, context.split)
    if "weights" in FIGURES[name].USES:
        found["weights"] = context.networks[1]
    if "elsewhere" in FIGURES[name].USES:
        other = context.elsewhere
        if other is None:
            raise ExperimentError(
                "This figure needs a second set, and weights trained on it: name both (--other-data, --other-weights)."
            )
        about = inputs.described(other.heads, other.folder, other.split)
        found["elsewhere"] = {"data": about, "weights": other.networks[1]}
    return found


def left_out(context: Context) -> dict[str, str]:
    """What is made only when it is named, and why: dict figure -> the end of a sentence."""
    found = {}
    for name, figure in FIGURES.items():
        if "elsewhere" in figure.USES and context.elsewhere is None:
            found[name] = "it needs a second set and weights learned on it (--other-data, --other-weights)"
        if "larger" in figure.USES:
            found[name] = f"it is of heads of more pixels; name it, and a set of them (uunet figure {name} --data ...)"
        if "training" in figure.USES:
            found[name] = f"it trains networks for minutes; name it to make it anew (uunet figure {name})"
    return found


def caption(record: dict) -> str:
    """How many of what were used, and whose a record is, in one line."""
    parts = [record["figure"]]
    if "data" in record:
        parts.append("{folder}, split {split}: {heads} heads of {people} people in {sequences} sequences".format(
            **record["data"]))  # fmt: skip
        if record["data"]["skipped"]:
            parts.append(f"{record['data']['skipped']} more are damaged and left out")
    if "weights" in record:
        s = record["weights"]["provenance"]["config"]["s"]
        parts.append(f"weights {record['weights']['name']}, s = {', '.join(map(str, s))}")
    if "elsewhere" in record:
        other = record["elsewhere"]
        parts.append("elsewhere: {folder}, {heads} heads of {people} people".format(**other["data"]))
        parts.append(f"weights {other['weights']['name']}")
    made = record["provenance"]
    return "; ".join([*parts, f"seed {made['seed']}, commit {made['commit'][:7]}"])


def _check_sizes(name, context):
    """Raises ExperimentError if what a figure uses is not of the side that it was written for."""
    uses = FIGURES[name].USES
    for some in (context, *((context.elsewhere,) if "elsewhere" in uses else ())):
        sides = {}
        if "data" in uses:
            sides[some.folder] = some.heads.images.shape[1]
        if "weights" in uses:
            sides[some.weights] = engine.side(some.networks[0].encoder)
        for what, side in sides.items():
            if side != own.SIDE:
                raise ExperimentError(
                    f"{what} is of {side} pixels, and {name} is for {own.SIDE}: name others (--data, --weights)."
                )


def _read(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _hashes(record):
    """What decides a record, its code apart."""
    sides = record, record.get("elsewhere", {})
    of = [side.get(part, {}).get("sha256") for side in sides for part in ("data", "weights")]
    return record.get("figure"), record.get("provenance", {}).get("seed"), *of
