"""Packs prepared sets into one file for an accelerator: `python -m data_prep.archive SET [SET ...] --out heads.npz`.

The file is a NumPy archive of these arrays; N heads, those of training before those of validation:

    format              int, `FORMAT`
    size                int, side of the heads in pixels
    jpeg, ends          uint8 (bytes,), int64 (N,): JPEG files one after the other, and where each ends
    split               uint8 (N,): 0 train, 1 validation; heads for testing stay out
    labels              int32 (N, 4): subject, gender, ethnicity, hairstyle; -1 is unknown
    sequences, frames   int32 (N,)
    domains             str (N,)
    sha256              str (2,): what each split was before it was packed (`uunet.data.Heads.sha256`)

Where not all heads fit, subjects and sequences come before frames: of each subject first some frames of two sequences,
then as many of its others, then further frames.
"""

import sys
import tempfile
from concurrent import futures
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

from data_prep import command
from data_prep.join import join
from uunet import atomic, data
from uunet.data import arrays
from uunet.errors import UUNetError

FORMAT = 1
SPLITS = ("train", "validation")
VALIDATION_SHARE = 0.05  # of the bytes, at most
TOGETHER = 2  # sequences of a subject that come first: Eq. 11 needs two
QUALITY = 92  # of the JPEG files, 4:2:0
ADVICE = "make it again: python -m data_prep.archive SET --out FILE"


class ArchiveError(UUNetError):
    """A file that is no archive of heads, or one that cannot be made."""


def write(folders: list[Path], out: Path, *, most_mb: float = 40.0, frames: int = 2, overwrite: bool = False) -> dict:
    """Writes the training and validation heads of prepared sets, as many as fit.

    Args:
        folders: prepared sets of other people each; several are joined (`data_prep.join`), and pairs are made within
            each domain.
        out: .npz file.
        most_mb: size of `out` in MB (10^6 bytes), at most.
        frames: int, how many of a sequence are needed together (`config.AdversarialConfig.frames`).
        overwrite: whether `out` may be replaced.

    Returns:
        dict from split to (heads kept, heads there were).

    Raises:
        DataError, JoinError: of the sets.
        ArchiveError: if not even two subjects fit.
        OutputError: if `out` cannot be written.
    """
    with tempfile.TemporaryDirectory() as joined:
        if len(folders) > 1:
            join(folders, Path(joined))
        splits = [data.load(joined if len(folders) > 1 else folders[0], split, size=None) for split in SPLITS]
    budget, kept, files = 1e6 * most_mb - 100_000, [], []  # a margin for the arrays' own names and headers
    for heads, share in zip(splits[::-1], (VALIDATION_SHARE, 1.0), strict=True):
        encoded = _encode(heads.images)
        other = 33 + max(heads.domains.dtype.itemsize for heads in splits)  # bytes of the other arrays per head
        costs = np.array([len(file) + other for file in encoded])
        order = _order(heads, frames)
        order = order[np.cumsum(costs[order]) <= share * budget]
        budget -= costs[order].sum()
        if len(set(heads.labels[order, 0].tolist())) < 2:
            raise ArchiveError(f"{most_mb:g} MB do not hold two subjects of each split: allow more (--most-mb).")
        kept.insert(0, np.sort(order))
        files.insert(0, [encoded[k] for k in kept[0]])
    lengths = [len(file) for of_split in files for file in of_split]

    def both(name):
        return np.concatenate([getattr(heads, name)[some] for heads, some in zip(splits, kept, strict=True)])

    with atomic.new_file(out, overwrite=overwrite) as part, open(part, "wb") as file:
        np.savez(
            file, format=FORMAT, size=splits[0].images.shape[1],
            jpeg=np.frombuffer(b"".join(b for of_split in files for b in of_split), np.uint8), ends=np.cumsum(lengths),
            split=np.repeat(np.arange(2, dtype=np.uint8), [len(some) for some in kept]),
            labels=both("labels").astype(np.int32), sequences=both("sequences").astype(np.int32),
            frames=both("frames").astype(np.int32), domains=both("domains").astype(str),
            sha256=[heads.sha256 for heads in splits],
        )  # fmt: skip
    counts = [(len(some), len(heads.images)) for some, heads in zip(kept, splits, strict=True)]
    return dict(zip(SPLITS, counts, strict=True))


def _encode(images):
    def encode(image):
        return cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()

    with futures.ThreadPoolExecutor() as pool:
        return list(pool.map(encode, images))


def _order(heads, frames):
    """All heads, those to keep first in front: `(N,)` indices."""
    keys = np.zeros((5, len(heads.images)), int)
    turn = np.random.default_rng(0).permutation(len(heads.by_subject))
    for subject, sequences in zip(turn, heads.by_subject.values(), strict=True):
        for place, sequence in enumerate(sequences):
            for k, index in enumerate(sequence):
                keys[:, index] = k // frames, place // TOGETHER, subject, place, k
    return np.lexsort(keys[::-1])


def read(path: Path) -> tuple[data.Heads, data.Heads]:
    """The training and the validation heads of an archive.

    Raises:
        ArchiveError: if it is damaged, of another format, or its arrays do not fit one another.
    """
    path = Path(path)
    found = arrays.read(path, "NumPy archive", ADVICE, ArchiveError)
    if not np.array_equal(found.get("format"), FORMAT):
        raise ArchiveError(f"{path} has format {found.get('format', 'none')}, not {FORMAT}, which is read; {ADVICE}.")
    _check(path, found)
    ends, size = found["ends"], int(found["size"])
    files = [found["jpeg"][start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    with futures.ThreadPoolExecutor() as pool:
        images = list(pool.map(lambda file: cv2.imdecode(file, cv2.IMREAD_COLOR) if len(file) else None, files))
    for k, image in enumerate(images):
        if image is None or image.shape != (size, size, 3):
            raise ArchiveError(f"Head {k} of {path} is no picture of {size} x {size} pixels; {ADVICE}.")
    images = np.stack(images)[..., ::-1]
    splits = []
    for number, digest in enumerate(found["sha256"]):
        some = found["split"] == number
        splits.append(data.Heads(
            np.ascontiguousarray(images[some]), found["labels"][some].astype(np.int64),
            found["sequences"][some].astype(np.int64), found["frames"][some].astype(np.int64), (), str(digest), {}, (),
            found["domains"][some],
        ))  # fmt: skip
    return tuple(splits)


def _check(path, found):
    """Raises ArchiveError unless the arrays are there and as long as they should be."""
    count = len(np.atleast_1d(found.get("ends", ())))
    shapes = {
        "size": (), "jpeg": (int(found["ends"][-1]) if count else 0,), "ends": (count,), "split": (count,),
        "labels": (count, 4), "sequences": (count,), "frames": (count,), "domains": (count,), "sha256": (2,),
    }  # fmt: skip
    for name, shape in shapes.items():
        if name not in found or found[name].shape != shape:
            has = f"has shape {found[name].shape}, not {shape}" if name in found else "is missing"
            raise ArchiveError(f"{path}: the array {name} {has}; {ADVICE}.")
    if set(found["split"].tolist()) != {0, 1} or (np.diff(found["ends"]) < 0).any():
        raise ArchiveError(f"{path} lacks heads for training or for validation; {ADVICE}.")


def _pack(
    sets: command.Sets,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The archive, .npz.")],
    most_mb: Annotated[float, typer.Option(help="Its size in MB, at most.")] = 40.0,
    frames: Annotated[int, typer.Option(help="Frames of a sequence that training needs.")] = 2,
    overwrite: command.Overwrite = False,
):
    if out.suffix != ".npz" or frames < 1:
        raise ArchiveError(f"--out is a .npz file and --frames at least 1; got {out}, {frames}.")
    counts = write(sets, out, most_mb=most_mb, frames=frames, overwrite=overwrite)
    held = ", ".join(f"{kept} of {there} heads to {split}" for split, (kept, there) in counts.items())
    print(f"{out} holds {held}: {out.stat().st_size / 1e6:.1f} MB.")


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    return command.run(_pack, arguments, "archive", __doc__)


if __name__ == "__main__":
    sys.exit(main())
