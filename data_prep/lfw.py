"""Prepares Labeled Faces in the Wild: `python -m data_prep.lfw SOURCE --out DIR --lists LISTS --labels gender.csv`.

    SOURCE/Aaron_Peirsol/Aaron_Peirsol_0001.jpg     a person, a photograph; SOURCE may also hold this tree as `lfw`
    LISTS/peopleDevTrain.txt  LISTS/peopleDevTest.txt    who is for training, who for testing: a name, their photographs

A photograph is the face box of a Viola-Jones detector, enlarged 2.2 times: the head is in its middle. Each counts as
one sequence. The paper's phase II needs several frames of a sequence, so `--frames` makes them from the photograph by
small changes (`Crops`). These are posed press photographs, not surveillance; `--degrade cctv` takes their pixels away.
"""

import dataclasses
import hashlib
import http.client
import re
import shutil
import sys
import tarfile
import urllib.request
import zlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import rich.progress
import typer

from data_prep import command, heads, loader, prepared, tables
from data_prep.synthetic import colour, degrade, domain
from uunet import atomic, pixels
from uunet.boxes.types import Roi
from uunet.data import manifest

URL = "https://ndownloader.figshare.com/files/5976018"  # lfw.tgz, as scikit-learn fetches it
SHA256 = "055f7d9c632d7370e6fb4afc7468d40f970c34a80d4c6f50ffec63f5a8d536c0"
LISTS = {"train": "peopleDevTrain.txt", "test": "peopleDevTest.txt"}
NUMBER = re.compile(r"\d{4}")
MOST = 30  # photographs per person of peopleDevTrain.txt; one person has 530
VALIDATION_SHARE = 0.1  # of the people of peopleDevTrain.txt
LEAST_SHARE = 0.5  # of the listed people; a tree with fewer is another set, or a part of this one
AT_ONCE = 64  # photographs in one Work

FULL = 250  # pixels, side of the original photographs; the next two are in these pixels
CENTRE = Roi(33, 30, 184, 184)  # where the head is on average

SHIFT, SCALE = 0.05, 0.08  # of the head's side, at most, either way
Footage = StrEnum("Footage", {name: name for name in domain.DOMAINS})

BRIGHTNESS = 0.15  # at most, either way
BLUR = 0.012  # largest standard deviation, of the head's side: 0.8 pixels of a crop of 64


@dataclass(frozen=True)
class Crops:
    """Makes the frames of one photograph: see `heads.Plan.crops`.

    Frame 0 is the head as it is. The others show it shifted by up to `SHIFT`, scaled by up to `SCALE`, brighter or
    darker by up to `BRIGHTNESS` and blurred by up to `BLUR`, all uniform. What is drawn depends on the subject, the
    number of the photograph and the frame alone.

    Attributes:
        frames: int >= 1.
        degrade: name of a `domain.Domain` whose cameras see the head, or None. One camera sees a whole sequence.
    """

    frames: int = 1
    degrade: str | None = None

    def __call__(self, box, picture, head, size):
        seed = zlib.crc32(f"{box.subject} {box.sequence}".encode())
        for frame in range(self.frames):
            x, y, w, h = head
            crop = picture[y : y + h, x : x + w]
            if frame:
                crop = vary(picture, head, np.random.default_rng([seed, frame]))
            if self.degrade:
                limits = domain.DOMAINS[self.degrade]
                camera = degrade.sample(np.random.default_rng(seed), limits)
                camera = dataclasses.replace(camera, native_size=min(camera.native_size, max(w, h)))
                rendered = pixels.to_network(_exposed(crop, camera), limits.render_size)
                yield frame, degrade.apply(camera, rendered, frame, size), camera.native_size
            else:
                yield frame, pixels.to_uint8(pixels.to_network(crop, size)), max(w, h)


def _exposed(crop, camera):
    """A crop, uint8, in the exposure and white balance of a `degrade.Camera`; they are factors on the light."""
    light = colour.from_srgb(np.arange(256))[:, None] * camera.exposure * camera.cast
    return pixels.to_uint8(colour.to_srgb(light))[crop, np.arange(3)]


def vary(picture: np.ndarray, head: Roi, rng: np.random.Generator) -> np.ndarray:
    """A head of a photograph as it might look in another frame (see `Crops`): uint8 `(h, w, 3)`, RGB.

    Args:
        picture: uint8 `(H, W, 3)`, RGB.
        head: Roi in it. The shifted and scaled one is pushed back inside the photograph.
        rng: NumPy generator.
    """
    scale, blur = rng.uniform(1 - SCALE, 1 + SCALE), rng.uniform(0, BLUR)
    brightness = rng.uniform(1 - BRIGHTNESS, 1 + BRIGHTNESS)
    cut = []
    shifts = rng.uniform(-SHIFT, SHIFT, 2)
    for start, length, limit, shift in zip(head[:2], head[2:], picture.shape[1::-1], shifts, strict=True):
        side = min(round(scale * length), limit)
        first = round(start + length / 2 + shift * length - side / 2)
        first = min(max(first, 0), limit - side)
        cut.append(slice(first, first + side))
    crop = picture[cut[1], cut[0]].astype(np.float32)
    crop = cv2.GaussianBlur(crop, (0, 0), max(blur * max(head[2:]), 1e-3))
    return np.round(np.clip(brightness * crop, 0, 255)).astype(np.uint8)


def centre(height: int, width: int) -> Roi:
    """The Roi where the head of a photograph is on average."""
    x, y, w, h = CENTRE
    return Roi(round(x * width / FULL), round(y * height / FULL), round(w * width / FULL), round(h * height / FULL))


def read_lists(folder: Path) -> dict[str, dict[str, int]]:
    """Who is for training and who for testing, by the official lists.

    Returns:
        {"train": {name: photographs}, "test": {name: photographs}}, disjoint.

    Raises:
        SourceError: if a list is missing or incomplete, a row is damaged, or a name is in both.
    """
    people = {}
    for split, name in LISTS.items():
        path = Path(folder) / name
        try:
            count, *lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError, ValueError) as error:
            raise heads.SourceError(
                f"{path} cannot be read: get {' and '.join(LISTS.values())} and name their folder by --lists."
            ) from error
        people[split] = {}
        for number, line in enumerate(lines, start=2):
            person, *photographs = line.split()[:3] or [""]
            if not heads.safe_name(person) or len(photographs) != 1 or not photographs[0].isdecimal():
                raise heads.SourceError(f"{path}, row {number} is not a name and a number: get the list again.")
            people[split][person] = int(photographs[0])
        if count.strip() != str(len(people[split])) or not lines:
            raise heads.SourceError(
                f"{path} announces {count[:20]} people and names {len(people[split])}: get the list again."
            )
    if both := sorted(people["train"].keys() & people["test"].keys()):
        raise heads.SourceError(f"{both[0]} is in both lists of {folder}, which the set's never are: get them again.")
    return people


def cut_splits(people: dict[str, dict[str, int]], seed: int) -> dict[str, str]:
    """{name: split} of the listed people: a tenth of those for training, at least 2, are for validation.

    The tenth is drawn from the list, not from the photographs at hand: it is the same in an incomplete tree.
    """
    train = sorted(people["train"])
    count = max(2, round(VALIDATION_SHARE * len(train)))
    validation = {train[k] for k in np.random.default_rng(seed).permutation(len(train))[:count]}
    splits = {name: "validation" if name in validation else "train" for name in train}
    return splits | dict.fromkeys(people["test"], "test")


def read_boxes(folder: Path) -> dict[tuple[str, str], tuple]:
    """Head boxes of a set that this loader prepared: {(subject, number): (x, y, w, h, box)}, see the manifest.

    Raises:
        DataError: if its manifest is missing or damaged, or is of another loader.
        SourceError: if a head is not four numbers.
    """
    path = Path(folder) / "manifest.csv"
    boxes = {}
    for number, row in enumerate(manifest.read_rows(path, ("subject", "sequence", "head", "box")), start=2):
        try:
            x, y, w, h = map(int, row["head"].split())
        except ValueError as error:
            raise heads.SourceError(f"{path}, row {number}: head is not four numbers; leave out --boxes.") from error
        boxes[row["subject"], row["sequence"]] = (x, y, w, h, row["box"])
    return boxes


def _photographs(tree, people, skipped):
    """{name: list of (number, path)} of the listed people that have any; and how many people are in no list."""
    listed = {**people["train"], **people["test"]}
    found, strangers = {}, 0
    for folder in sorted(tree.iterdir()):
        if not folder.is_dir():
            skipped.append((folder.name, "not named as LFW names its photographs"))
            continue
        strangers += folder.name not in listed
        for path in sorted(folder.iterdir()) if folder.name in listed else ():
            name, _, number = path.stem.rpartition("_")
            if name == folder.name and NUMBER.fullmatch(number) and path.suffix == ".jpg":
                found.setdefault(name, []).append((number, path))
            else:
                skipped.append((path.relative_to(tree).as_posix(), "not named as LFW names its photographs"))
    if len(found) < LEAST_SHARE * len(listed):
        raise heads.SourceError(
            f"{tree} has photographs such as {min(listed)}/{min(listed)}_0001.jpg of {len(found)} of the {len(listed)} "
            "listed people: it is another set or a part of LFW, so extract lfw.tgz anew and name that folder."
        )
    return found, strangers


def plan(
    source: Path,
    lists: Path,
    *,
    labels: Path | None = None,
    crops: Crops = Crops(),
    boxes: Path | None = None,
    seed: int = 0,
) -> heads.Plan:
    """What is in an extracted LFW.

    Args:
        source: path of the folder with a folder per person, or of the one above it if that is named lfw.
        lists: path of the folder with the official lists.
        labels: path of a table with the columns name, gender; or None.
        crops: Crops, how the frames of a photograph are made.
        boxes: path of a set that this loader made of the same photographs, to take the head boxes from; or None.
        seed: int >= 0, of the choice of people for validation.

    Raises:
        SourceError: if the tree is not this set, or a list, the table or the boxes are missing or bad.
    """
    loader.check_folder(source)
    people = read_lists(lists)
    tree = source / "lfw" if (source / "lfw").is_dir() else source
    skipped = []
    found, strangers = _photographs(tree, people, skipped)
    words, notes = tables.read_labels(labels, set(found), ("name", "gender"))
    listed = {**people["train"], **people["test"]}
    lacking = sum(max(0, listed[name] - len(own)) for name, own in found.items())
    notes += [
        f"{tree} lacks {len(listed) - len(found)} of the {len(listed)} listed people and {lacking} photographs of the "
        f"others; {strangers} people in it are in no list and left out.",
        "These are posed press photographs of public figures, not surveillance: say so beside every number.",
    ]
    known = None if boxes is None else read_boxes(boxes)
    photographs = []
    for name, own in found.items():
        for number, path in heads.evenly(own, MOST if name in people["train"] else None):
            box = heads.Box(name, number, 0, *words[name], path.relative_to(tree).as_posix())
            if known is None:
                photographs.append((box, path, None))
            elif (name, number) in known:
                *place, how = known[name, number]
                photographs.append((dataclasses.replace(box, box=how), path, tuple(place)))
            else:
                skipped.append((box.origin, "no head box in --boxes"))
    if not photographs:
        raise heads.SourceError(f"{boxes} has no head box of a photograph of {tree}: leave out --boxes.")
    works = [
        heads.picture_work(f"photographs from {k}", photographs[k : k + AT_ONCE])
        for k in range(0, len(photographs), AT_ONCE)
    ]
    return heads.Plan(
        f"lfw-{crops.degrade}" if crops.degrade else "lfw", heads.FACE, works, skipped, notes, heads_already=True,
        splits=cut_splits(people, seed), crops=crops, fallback=centre, columns=("head", "box"),
    )  # fmt: skip


def download(folder: Path) -> None:
    """Fetches and extracts the set as folder/lfw, with a progress bar, unless that is there.

    Raises:
        SourceError: if it cannot be fetched, or is not what was published (by its SHA-256).
        OutputError: if the folder cannot be written.
    """
    if (folder / "lfw").exists():
        return
    atomic.make_folder(folder)
    archive = folder / "lfw.tgz"
    if not archive.exists():
        with atomic.new_file(archive, overwrite=False) as part:
            _fetch(part)
    partial = folder / "lfw.partial"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        with tarfile.open(archive) as tar:
            tar.extractall(partial, filter="data")
        (partial / "lfw").rename(folder / "lfw")
        partial.rmdir()
        archive.unlink()
    except (OSError, tarfile.TarError, EOFError, zlib.error) as error:
        raise heads.SourceError(f"{archive} cannot be extracted ({error}): delete it and run again.") from error


def _fetch(part):
    try:
        with urllib.request.urlopen(URL, timeout=60) as answer, open(part, "wb") as file:
            total = int(answer.headers.get("Content-Length") or 0)
            with rich.progress.wrap_file(answer, total, description="lfw.tgz") as reader:
                shutil.copyfileobj(reader, file)
    except (OSError, http.client.HTTPException) as error:
        raise heads.SourceError(
            f"{URL} cannot be fetched ({error}): check the network, or get lfw.tgz elsewhere and extract it."
        ) from error
    with open(part, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != SHA256:
        raise heads.SourceError(f"What {URL} gave is not LFW (its SHA-256 is {found}): try again later.")


def _load(
    source: loader.Source,
    out: loader.Out,
    lists: Annotated[Path, typer.Option(metavar="DIR", help=f"Folder with {' and '.join(LISTS.values())}.")],
    labels: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="Table with the columns name, gender.")
    ] = None,
    fetch: Annotated[bool, typer.Option("--download", help="Fetch the set (180 MB) into SOURCE first.")] = False,
    detector: Annotated[loader.Detector, typer.Option(help="Finds the face in each photograph.")] = (
        loader.Detector.mtcnn
    ),
    boxes: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Take the head boxes from this prepared set instead of detecting again."),
    ] = None,
    size: loader.Size = 64,
    frames: Annotated[int, typer.Option(min=1, metavar="F", help="Frames made from each photograph.")] = 1,
    degraded: Annotated[
        Footage | None, typer.Option("--degrade", help="As these cameras of rendered heads see them.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the choice of people for validation.")] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
):
    if fetch:
        download(source)
    crops = Crops(frames, degraded and degraded.value)
    with loader.readable():
        found = plan(source, lists, labels=labels, crops=crops, boxes=boxes, seed=seed)
        settings = {
            "frames": crops.frames,
            "degrade": crops.degrade,
            "seed": seed,
            "detector": detector.value,
            "labels": loader.digest(labels),
            "boxes": loader.digest(boxes and boxes / "manifest.csv"),
            "lists": [loader.digest(lists / name) for name in LISTS.values()],
        }
    eyes = None if boxes else heads.Detector(detector.value)
    loader.write(source, out, found, eyes, settings, prepared.Options(size, seed, workers))


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    return command.run(_load, arguments, "lfw", __doc__, command.COMPLETED)


if __name__ == "__main__":
    sys.exit(main())
