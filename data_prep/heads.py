"""From boxes to a prepared set: what the loaders of MARS, P-DESTRE, BIODI and YouTube Faces share.

A loader says which boxes there are and how to read them (`Plan`); `write` finds the head in each box, crops it, cuts
the splits by identity and writes

    DIR/manifest.csv                              one row a head, read by `uunet.data`
    DIR/skipped.csv                               one row a file, box or row of the source that gave no head, and why
    DIR/crops/<subject>/<sequence>/<frame>.png    size x size, RGB

Both tables appear last. Until then DIR/progress.jsonl says what is done, so that a stopped run goes on where it was.
"""

import csv
import dataclasses
import functools
import hashlib
import io
import json
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from data_prep import processes
from uunet import atomic, channel, pixels
from uunet.boxes import detection
from uunet.boxes.types import FaceBox, Roi
from uunet.errors import UUNetError
from uunet.media import images

UNKNOWN = "unknown"
WORDS = {  # the labels' words, the same in every set: those of P-DESTRE
    "gender": ("male", "female", UNKNOWN),
    "ethnicity": ("white", "black", "asian", "indian", UNKNOWN),
    "hairstyle": ("bald", "short", "medium", "long", "horsetail", UNKNOWN),
}
COLUMNS = ("file", "split", "subject", "sequence", "frame", *WORDS, "native_size", "sha256", "domain")
DETECTORS = {"mtcnn": detection.mtcnn, "centerface": detection.centerface}
PERSON = (0.5, 0.1)  # where the head of a standing person is in its box: fractions of width and height
FACE = (0.5, 0.5)  # and where it is in the surroundings of a face
TEST_SHARE, VALIDATION_SHARE = 0.2, 0.1  # of all identities; section IV-A: 80 % for learning, 20 % for testing
LEAST_SUBJECTS = 5  # 2 to learn from, 2 for validation (pairs need two), 1 to test
AT_ONCE = 8  # pictures held in memory for one call of the detector


class SourceError(UUNetError):
    """A data set as it was given out is missing, incomplete or not what the loader expects."""


@dataclass(frozen=True)
class Box:
    """One annotated box of a source.

    Attributes:
        subject, sequence: str, safe as names of folders (`safe_name`).
        frame: int >= 0.
        gender, ethnicity, hairstyle: str, of `WORDS`.
        origin: str, where in the source it comes from, for skipped.csv.
        box: str, "detector", or "centre" where no face was found and `Plan.fallback` says where the head is.
    """

    subject: str
    sequence: str
    frame: int
    gender: str
    ethnicity: str
    hairstyle: str
    origin: str
    box: str = "detector"


@dataclass(frozen=True)
class Work:
    """What is done as a whole or not at all: a tracklet, or one video.

    Attributes:
        name: str, unique in its plan.
        boxes: int, how many boxes `read` yields.
        read: callable without arguments; iterates over `(Box, picture, roi)`: `picture` uint8 `(H, W, 3)` RGB and
            `roi` the Roi of the box in it; or `(Box, reason, None)` where it cannot be had. It can be pickled if the
            works are shared out among processes.
    """

    name: str
    boxes: int
    read: Callable


def plain_crop(box, picture, head, size):
    """What `Plan.crops` yields for a set of videos: one crop per box, as U_e gets it in de-identification."""
    x, y, w, h = head
    crop = channel.to_network(picture[y : y + h, x : x + w], size)
    yield box.frame, pixels.to_uint8(crop), max(w, h)


@dataclass(frozen=True)
class Plan:
    """What a loader found in a source.

    Attributes:
        domain: str, name of the data set.
        aim: (x, y), where in a box the head is expected: `PERSON` or `FACE`.
        works: list of Work.
        skipped: list of (origin, reason): what is left out before anything is read.
        notes: list of sentences the user should read.
        heads_already: bool, whether the boxes may be heads, not persons, so that no detector is needed.
        splits: dict from subject to split, or None: they are cut by `cut_splits`, and subjects with one head left out.
        crops: callable `(box, picture, head, size)`; iterates over `(frame, crop, native size)`: `crop` uint8
            `(size, size, 3)` RGB, `head` and the native size in pixels of the picture.
        fallback: callable `(height, width)` of a picture -> Roi of the head where no face is found; None: no head then.
        columns: further columns of the manifest, of "head" ("x y w h" in the picture) and "box" (see Box).
    """

    domain: str
    aim: tuple
    works: list
    skipped: list
    notes: list
    heads_already: bool = False
    splits: dict | None = None
    crops: Callable = plain_crop
    fallback: Callable | None = None
    columns: tuple = ()


@dataclass(frozen=True)
class Result:
    """What was written: heads and identities a split, skips a reason, and the time it took.

    Attributes:
        heads, subjects: dict from split to int.
        skipped: dict from reason to int.
        boxes: int, boxes looked at in this run (fewer than all, if it went on where another stopped).
        seconds: float, for these boxes: reading, detecting and writing.
        found: dict from "detector" and "centre" to the number of boxes with a head (see Box).
    """

    heads: dict
    subjects: dict
    skipped: dict
    boxes: int
    seconds: float
    found: dict


@functools.cache
def _network(name):
    return DETECTORS[name]()


@dataclass(frozen=True)
class Detector:
    """A detector by its name, loaded by each process when it first detects."""

    name: str

    def many(self, frames):
        network = _network(self.name)
        return network.many(frames) if hasattr(network, "many") else [network(frame) for frame in frames]


def safe_name(text):
    """Whether a subject or sequence can name a folder: letters, digits and `_ . -` only, the first no dot."""
    return re.fullmatch(r"[\w-][\w.-]*", text) is not None


def evenly(items, most):
    """`most` of a list's items, evenly spaced from first to last; all of them if `most` is None or enough."""
    if most is None or len(items) <= most:
        return list(items)
    return [items[k] for k in np.linspace(0, len(items) - 1, most).round().astype(int)]


def read_picture(path):
    """A whole picture: uint8 `(H, W, 3)` RGB, or the reason (str) why it cannot be had."""
    if not path.is_file():
        return "picture missing"
    try:
        return images.read(path).rgb
    except images.ImageError:
        return "picture unreadable"


def picture_work(name, boxes):
    """The Work of boxes in picture files.

    Args:
        name: str, see Work.
        boxes: list of (Box, path of the picture, (x, y, w, h) in pixels or None for the whole picture).
    """

    return Work(name, len(boxes), functools.partial(_read_pictures, tuple(boxes)))


def _read_pictures(boxes):
    for box, path, place in boxes:
        picture = read_picture(path)
        if isinstance(picture, str):
            yield box, picture, None
        else:
            height, width = picture.shape[:2]
            yield placed(box, picture, place or (0, 0, width, height))


def placed(box, picture, place):
    """What `Work.read` yields of a box at (x, y, w, h): only the part inside the picture counts."""
    height, width = picture.shape[:2]
    x, y, w, h = place
    left, top = max(0, round(x)), max(0, round(y))
    right, bottom = min(width, round(x + w)), min(height, round(y + h))
    if right <= left or bottom <= top:
        return box, "box empty or outside the picture", None
    return box, picture, Roi(left, top, right - left, bottom - top)


def read_table(path, columns):
    """Rows of a CSV file in UTF-8 that has at least these columns: list of (row number, dict); the header is row 1.

    Raises:
        SourceError: naming file and row.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            rows = list(enumerate(reader, start=2))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{path} cannot be read ({error}): give a CSV file in UTF-8.") from error
    missing = [name for name in columns if name not in (reader.fieldnames or ())]
    if missing:
        raise SourceError(f"{path} lacks the column(s) {', '.join(missing)}: its first line names them.")
    for number, row in rows:
        if None in row or None in row.values():
            raise SourceError(f"{path}, row {number} has too few or too many values: correct it.")
    return rows


def check_word(path, number, name, word):
    """The word of a label in a user's table, in lower case; an empty one is unknown.

    Raises:
        SourceError: naming file and row, if it is not one of `WORDS`.
    """
    word = word.strip().lower() or UNKNOWN
    if word not in WORDS[name]:
        raise SourceError(f"{path}, row {number}: {name} is {word!r}, not one of {', '.join(WORDS[name])}.")
    return word


def read_labels(path, subjects, columns=("subject", *WORDS)):
    """A table of soft labels for a set that has none.

    Args:
        path: of the CSV file, or None: everything is unknown.
        subjects: set of str, the identities of the set.
        columns: names of the table's columns: that of the subject, then some of `WORDS`; the others are unknown.

    Returns:
        dict from every subject to (gender, ethnicity, hairstyle), and a list of notes for the user.

    Raises:
        SourceError: naming file and row of a bad label or a repeated subject; or if no subject is of this set.
    """
    labels = dict.fromkeys(subjects, (UNKNOWN,) * len(WORDS))
    if path is None:
        return labels, ["No --labels: gender, ethnicity and hairstyle are unknown, only the ID can be learned."]
    seen, strange = {}, []
    for number, row in read_table(path, columns):
        subject = row[columns[0]].strip()
        if subject in seen:
            raise SourceError(f"{path}, row {number}: subject {subject} is in row {seen[subject]} already.")
        seen[subject] = number
        words = tuple(check_word(path, number, name, row[name] if name in columns else "") for name in WORDS)
        if subject in subjects:
            labels[subject] = words
        else:
            strange.append(f"{subject} (row {number})")
    if len(strange) == len(seen):
        raise SourceError(f"{path} names no subject of this set: write them as the set does, such as {min(subjects)}.")
    notes = []
    if strange:
        notes.append(f"{path} names {len(strange)} subjects that are not in the set, first {strange[0]}: not used.")
    if len(absent := sorted(subjects - seen.keys())):
        notes.append(f"{path} has no row for {len(absent)} subjects, first {absent[0]}: their labels are unknown.")
    return labels, notes


def find_head(faces, aim, roi, height, width):
    """The head of the person whose box this is: of several faces, the one nearest to where it should be.

    Args:
        faces: list of FaceBox, relative to the box.
        aim: (x, y), fractions of the box.
        roi: Roi of the box in its picture.
        height, width: int, of the picture.

    Returns:
        Roi of the head (`detection.head_roi`) in the picture, or None.
    """

    def distance(face):
        return np.hypot(face.x + face.w / 2 - aim[0] * roi.w, face.y + face.h / 2 - aim[1] * roi.h), face

    for face in sorted(faces, key=distance):
        head = detection.head_roi(FaceBox(roi.x + face.x, roi.y + face.y, face.w, face.h), height, width)
        if head is not None:
            return head
    return None


def find_heads(boxes, detector, aim):
    """Finds one head a box.

    Args:
        boxes: list of (picture, Roi of the box).
        detector: see `uunet.boxes.detection`; None takes each box for a head.
        aim: see `find_head`.

    Returns:
        list of Roi in their pictures, or None.
    """
    if detector is None:
        return [roi for _, roi in boxes]
    views = [np.ascontiguousarray(picture[y : y + h, x : x + w]) for picture, (x, y, w, h) in boxes]
    many = getattr(detector, "many", lambda frames: [detector(frame) for frame in frames])
    faces = [None] * len(views)
    for shape in {view.shape for view in views}:  # MTCNN pads views of several shapes and then finds other faces
        same = [k for k, view in enumerate(views) if view.shape == shape]
        for k, found in zip(same, many([views[k] for k in same]), strict=True):
            faces[k] = found
    return [find_head(found, aim, roi, *picture.shape[:2]) for found, (picture, roi) in zip(faces, boxes, strict=True)]


def cut_splits(subjects, seed):
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


def write(out, plan, detector, settings, *, size=64, seed=0, workers=1, on_progress=lambda done: None):
    """Writes the prepared set of a plan, or completes one that was stopped.

    Args:
        out: path of the folder, made if need be.
        plan: Plan.
        detector: see `find_heads`; a `Detector` if there are several workers.
        settings: dict of str -> JSON value: what decides the crops; a stopped run goes on only with the same.
        size: int, side of the crops in pixels.
        seed: int >= 0, of the splits, if the plan has none.
        workers: int >= 1, processes that share the works.
        on_progress: called with the number of boxes done so far.

    Returns:
        Result.

    Raises:
        SourceError: `out` holds something else, or too few heads were found.
        OutputError: `out` cannot be written.
    """
    out = Path(out)
    atomic.make_folder(out)
    settings = {"domain": plan.domain, "size": size, **settings}
    done = _read_progress(out, settings)
    start = time.perf_counter()
    todo = [work for work in plan.works if work.name not in done]
    finished = sum(work.boxes for work in plan.works) - sum(work.boxes for work in todo)
    job = functools.partial(_do, out, dataclasses.replace(plan, works=[], skipped=[], splits=None), detector, size)
    entries = _each(job, todo, workers, lambda k: on_progress(finished + k))
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
    table, splits, skipped = _write_tables(out, plan, done, seed)
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
