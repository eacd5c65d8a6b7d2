"""Writing a prepared set: what the loaders' boxes become.

`write` finds the head in each box of a `heads.Plan`, crops it, cuts the splits by identity and writes

    DIR/manifest.csv                              one row per head, read by `uunet.data`
    DIR/skipped.csv                               one row per file, box or row of the source without a head, and why
    DIR/crops/<subject>/<sequence>/<frame>.png    size x size, RGB

Both tables appear last. Until then DIR/progress.jsonl says what is done, so that a stopped run can be resumed.
"""

import csv
import dataclasses
import functools
import hashlib
import io
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from data_prep import processes
from data_prep.heads import Plan, SourceError, find_heads
from data_prep.synthetic.labels import LABELS
from uunet import atomic

COLUMNS = ("file", "split", "subject", "sequence", "frame", *LABELS, "native_size", "sha256", "domain")
TEST_SHARE, VALIDATION_SHARE = 0.2, 0.1  # of all identities; section IV-A: 80 % for learning, 20 % for testing
LEAST_SUBJECTS = 5  # 2 to learn from, 2 for validation (pairs need two), 1 to test
AT_ONCE = 8  # pictures held in memory for one call of the detector


@dataclass(frozen=True)
class Options:
    """How a set is prepared.

    Attributes:
        size: side of the crops in pixels.
        seed: >= 0, of the splits, if the plan has none.
        workers: >= 1, processes that share the works.
    """

    size: int = 64
    seed: int = 0
    workers: int = 1


DEFAULTS = Options()


@dataclass(frozen=True)
class Result:
    """What was written: heads and identities per split, skips per reason, and the time it took.

    Attributes:
        heads, subjects: dict from split to int.
        skipped: dict from reason to int.
        boxes: int, boxes looked at in this run (fewer than all if it resumed another).
        seconds: float, for these boxes: reading, detecting and writing.
        found: dict from "detector" and "centre" to the number of boxes with a head (see Box).
    """

    heads: dict
    subjects: dict
    skipped: dict
    boxes: int
    seconds: float
    found: dict


def cut_splits(subjects: Iterable[str], seed: int) -> dict[str, str]:
    """Splits identities 80 : 20 for learning and testing (section IV-A); validation is taken out of the 80.

    The identities are sorted, shuffled with the seed and cut: 20 % test, 10 % validation (at least 2), the rest train.

    Args:
        subjects: iterable of str.
        seed: int >= 0.

    Returns:
        dict from subject to "train", "validation" or "test".

    Raises:
        SourceError: if there are fewer than `LEAST_SUBJECTS`.
    """
    subjects = sorted(set(subjects))
    if len(subjects) < LEAST_SUBJECTS:
        raise SourceError(
            f"Only {len(subjects)} identities have two heads or more, and the splits need {LEAST_SUBJECTS}: look into "
            "skipped.csv for what was left out, and begin again in a new folder with more of the set."
        )
    shuffled = [subjects[k] for k in np.random.default_rng(seed).permutation(len(subjects))]
    test = max(1, round(TEST_SHARE * len(subjects)))
    validation = max(2, round(VALIDATION_SHARE * len(subjects)))
    names = ["test"] * test + ["validation"] * validation + ["train"] * (len(subjects) - test - validation)
    return dict(zip(shuffled, names, strict=True))


def write(
    out: Path,
    plan: Plan,
    detector: Callable | None,
    settings: dict,
    options: Options = DEFAULTS,
    on_progress: Callable[[int], None] = lambda done: None,
) -> Result:
    """Writes the prepared set of a plan, or completes one that was stopped.

    Args:
        out: the folder, made if need be.
        plan: see `heads.Plan`.
        detector: see `heads.find_heads`; a `heads.Detector` if there are several workers.
        settings: JSON values that decide the crops; a stopped run is resumed only with the same.
        options: see there.
        on_progress: called with the number of boxes done so far.

    Raises:
        SourceError: `out` holds something else, or too few heads were found.
        OutputError: `out` cannot be written.
    """
    out = Path(out)
    atomic.make_folder(out)
    settings = {"domain": plan.domain, "size": options.size, **settings}
    done = _read_progress(out, settings)
    start = time.perf_counter()
    todo = [work for work in plan.works if work.name not in done]
    finished = sum(work.boxes for work in plan.works) - sum(work.boxes for work in todo)
    cropping = dataclasses.replace(plan, works=[], skipped=[], splits=None)
    job = functools.partial(_do, out, cropping, detector, options.size)
    entries = _each(job, todo, options.workers, lambda k: on_progress(finished + k))
    try:
        with open(out / "progress.jsonl", "a", encoding="utf-8") as progress:
            for work, entry in entries:
                done[work.name] = entry
                progress.write(json.dumps({"work": work.name, **entry}) + "\n")
                progress.flush()
                finished += work.boxes
                on_progress(finished)
    except OSError as error:
        raise atomic.OutputError(f"{out} cannot be written ({error.strerror}): free some space there.") from error
    table, splits, skipped = _write_tables(out, plan, done, options.seed)
    (out / "progress.jsonl").unlink()
    return Result(
        heads=Counter(row["split"] for row in table),
        subjects=Counter(splits[subject] for subject in {row["subject"] for row in table}),
        skipped=Counter(reason for _, reason in skipped),
        boxes=sum(work.boxes for work in todo),
        seconds=time.perf_counter() - start,
        found=Counter(dict((row["origin"], row["box"]) for row in table).values()),
    )


def _write_tables(out, plan, done, seed):
    """Writes manifest.csv and skipped.csv; returns the rows of the first, the splits, and the rows of the second."""
    rows = [row for work in plan.works for row in done[work.name]["rows"]]
    skipped = plan.skipped + [tuple(skip) for work in plan.works for skip in done[work.name]["skipped"]]
    if plan.splits is None:
        rows, skipped = _leave_out_single_heads(rows, skipped)
    _write_table(out / "skipped.csv", ("origin", "reason"), sorted(skipped), overwrite=True)
    splits = plan.splits or cut_splits({row["subject"] for row in rows}, seed)
    if not rows:
        raise SourceError(f"No head was found: look into {out / 'skipped.csv'} for the reasons.")
    table = [{**row, "split": splits[row["subject"]], "domain": plan.domain} for row in rows]
    table.sort(key=lambda row: (row["subject"], row["sequence"], row["frame"]))
    columns = (*COLUMNS, *plan.columns)
    cells = [[row[name] for name in columns] for row in table]
    _write_table(out / "manifest.csv", columns, cells, overwrite=False)
    return table, splits, skipped


def _each(job, works, workers, on_progress):
    """(work, what was done) for each work; `on_progress` is called with the boxes done of the present one."""
    if workers == 1:
        return ((work, job(work, on_progress)) for work in works)
    return processes.each(job, works, workers)


def _read_progress(out, settings):
    """{work: {"rows", "skipped"}} of a stopped run with the same settings; starts a new progress.jsonl otherwise."""
    path = out / "progress.jsonl"
    if (out / "manifest.csv").exists():
        raise SourceError(f"{out} holds a prepared set already: name another folder, or delete this one.")
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
        if not lines and any(out.iterdir()):
            raise SourceError(f"{out} is not empty: name a new folder for the prepared set.")
        # the last line of a run that was killed may be cut off
        begun = [json.loads(line) for line in lines if line.endswith("\n")]
        if begun and begun[0] != settings:
            raise SourceError(f"{out} was begun with other settings: use them again, or name another folder.")
        entries = [settings, *begun[1:]]
        path.write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")
        return {entry["work"]: entry for entry in entries[1:]}
    except (ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{path} is damaged: delete {out} and begin again.") from error
    except OSError as error:
        raise atomic.OutputError(f"{out} cannot be used ({error.strerror}): name another folder.") from error


def _do(out, plan, detector, size, work, on_progress=lambda done: None):
    """The heads of one work, written: {"rows": list of dict, "skipped": list of (origin, reason)}."""
    rows, skipped, waiting, files = [], [], [], set()

    def flush():
        heads = find_heads([(picture, roi) for _, picture, roi in waiting], detector, plan.aim)
        for (box, picture, _), head in zip(waiting, heads, strict=True):
            if head is None and plan.fallback is not None:
                box, head = dataclasses.replace(box, box="centre"), plan.fallback(*picture.shape[:2])
            if head is None:
                skipped.append((box.origin, "no head found"))
            else:
                rows.extend(_save(out, box, head, *made) for made in plan.crops(box, picture, head, size))
        waiting.clear()

    for k, (box, picture, roi) in enumerate(work.read(), start=1):
        file = (box.subject, box.sequence, box.frame)
        if isinstance(picture, str):
            skipped.append((box.origin, picture))
        elif file in files:
            skipped.append((box.origin, "second box of this subject in this frame"))
        else:
            files.add(file)
            waiting.append((box, picture, roi))
        if len(waiting) == AT_ONCE:
            flush()
            on_progress(k)
    flush()
    return {"rows": rows, "skipped": skipped}


def _save(out, box, head, frame, crop, native_size):
    png = cv2.imencode(".png", np.ascontiguousarray(crop[..., ::-1]))[1].tobytes()
    file = f"crops/{box.subject}/{box.sequence}/{frame:06d}.png"
    (out / file).parent.mkdir(parents=True, exist_ok=True)
    (out / file).write_bytes(png)
    return {
        **asdict(box),
        "file": file,
        "frame": frame,
        "native_size": native_size,
        "sha256": hashlib.sha256(png).hexdigest(),
        "head": " ".join(str(number) for number in head),
    }


def _leave_out_single_heads(rows, skipped):
    """Pairs of one subject need two heads: one that has a single head cannot be used."""
    counts = Counter(row["subject"] for row in rows)
    single = [(row["origin"], "only head of its subject") for row in rows if counts[row["subject"]] == 1]
    return [row for row in rows if counts[row["subject"]] > 1], skipped + single


def _write_table(path, header, rows, *, overwrite):
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(header)
    table.writerows(rows)
    with atomic.new_file(path, overwrite=overwrite) as part:
        part.write_text(text.getvalue(), encoding="utf-8")
