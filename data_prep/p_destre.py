"""Prepares P-DESTRE, from its videos or from crops: `python -m data_prep.p_destre SOURCE --out DIR`.

The videos, and one annotation file each, one row per box:

    SOURCE/videos/13-11-2019-1-1.MP4              day-month-year, group, part
    SOURCE/annotation/13-11-2019-1-1.txt          26 numbers: frame (from 1), ID (-1: unknown), x, y, h, w, ...

or the crops of the author of the paper, in one folder or in folders of it, with the labels in their names:

    SOURCE/13-11-2019-1-1_0120_17_0_2_0_1_1_1_0.jpg
           session_frame_ID_gender_ethnicity_haircolour_hairstyle_beard_moustache_k

A sequence is one identity in one video. An identity keeps its number on all days.
"""

import re
import sys
from pathlib import Path

import av
import numpy as np

from data_prep import heads, loader
from data_prep.synthetic import labels

COLUMNS = 26  # a row; of the rest: 6 a flag, 7 to 9 the head's pose, the others soft labels that are not used
FRAME, ID, BOX, GENDER, ETHNICITY, HAIRSTYLE = 0, 1, slice(2, 6), 10, 14, 16
SESSION = r"\d{2}-\d{2}-\d{4}[\d-]*"
NAME = re.compile(rf"({SESSION})_(\d+)_(-?\d+)_(-?\d+)_(-?\d+)_-?\d+_(-?\d+)_-?\d+_-?\d+_\d+\.jpg")
VIDEOS = (".mp4", ".mov", ".avi")
NO_ID = "unknown identity (-1)"


def plan(source: Path, *, frames: int | None = None, sequences: int | None = None) -> heads.Plan:
    """What is in an extracted P-DESTRE.

    Args:
        source: path of the folder with videos and annotation, or with crops.
        frames, sequences: int, at most so many boxes per sequence and sequences per subject; None for all.

    Raises:
        SourceError: if neither is there, or one of the two folders without the other.
    """
    folders = [name for name in ("videos", "annotation") if (source / name).is_dir()]
    if len(folders) == 1:
        other = "annotation" if folders == ["videos"] else "videos"
        raise heads.SourceError(f"{source} has the folder {folders[0]} but not {other}: extract both there.")
    return _from_videos(source, frames, sequences) if folders else _from_crops(source, frames, sequences)


def _words(gender, ethnicity, hairstyle):
    """The words of three codes; -1 is unknown, as is the last code of each. KeyError names a code out of range."""
    words = []
    for name, code in (("gender", gender), ("ethnicity", ethnicity), ("hairstyle", hairstyle)):
        if not -1 <= code < len(labels.WORDS[name]):
            raise KeyError(f"{name} {code} is out of range")
        words.append(labels.WORDS[name][code])  # -1 is the last word, too: unknown
    return words


def _frame(item):
    return item[0].frame


def _from_crops(source, frames, sequences):
    found, skipped = {}, []
    for path in sorted(source.rglob("*.jpg")) if source.is_dir() else []:
        origin = path.relative_to(source).as_posix()
        match = NAME.fullmatch(path.name)
        if path.name.startswith("._"):
            continue  # macOS writes these beside each file of an archive; they are no pictures
        if match is None:
            skipped.append((origin, "not named as the crops of P-DESTRE are"))
            continue
        session, frame, subject, *codes = match.groups()
        if int(subject) < 0:
            skipped.append((origin, NO_ID))
            continue
        try:
            words = _words(*map(int, codes))
        except KeyError as error:
            skipped.append((origin, f"label: {error.args[0]}"))
            continue
        box = heads.Box(str(int(subject)), session, int(frame), *words, origin)
        found.setdefault(box.subject, {}).setdefault(session, []).append((box, path, None))
    if not found:
        raise heads.SourceError(
            f"{source} has neither the folders videos and annotation nor crops such as "
            "13-11-2019-1-1_0120_17_0_2_0_1_1_1_0.jpg: extract P-DESTRE there."
        )
    works = [
        heads.picture_work(f"{subject} {session}", heads.evenly(sorted(own[session], key=_frame), frames))
        for subject, own in found.items()
        for session in heads.evenly(sorted(own), sequences)
    ]
    return heads.Plan("p_destre", heads.PERSON, works, skipped, [], heads_already=True)


def _from_videos(source, frames, sequences):
    videos = {path.stem: path for path in (source / "videos").iterdir() if path.suffix.lower() in VIDEOS}
    annotations = {path.stem: path for path in (source / "annotation").glob("*.txt")}
    for files in (videos, annotations):
        for stem in [stem for stem in files if stem.startswith("._")]:  # macOS again
            del files[stem]
    skipped, tall_first, found, sessions_of = [], 0, {}, {}
    for stem, path in sorted(annotations.items()):
        origin = path.relative_to(source).as_posix()
        if stem not in videos:
            skipped.append((origin, "annotation without its video"))
            continue
        if re.fullmatch(SESSION, stem) is None:
            skipped.append((origin, "not named as the sessions of P-DESTRE are"))
            continue
        boxes, bad, swapped = _read_annotation(path, origin)
        skipped += bad
        tall_first += swapped
        own = {}
        for box, place in boxes:
            own.setdefault(box.subject, []).append((box, place))
        found[stem] = {subject: heads.evenly(own[subject], frames) for subject in own}  # all rows would fill the memory
        for subject in own:
            sessions_of.setdefault(subject, []).append(stem)
    for stem in sorted(videos.keys() - annotations.keys()):
        skipped.append((videos[stem].relative_to(source).as_posix(), "video without its annotation"))
    if not found:
        raise heads.SourceError(f"{source} has no video with its annotation: extract both archives of P-DESTRE there.")
    wanted = {subject: set(heads.evenly(sessions, sequences)) for subject, sessions in sessions_of.items()}
    works = []
    for stem, own in found.items():
        chosen = [pair for subject in own if stem in wanted[subject] for pair in own[subject]]
        works.append(_video_work(stem, videos[stem], sorted(chosen, key=_frame)))
    notes = [f"{tall_first} of {len(found)} annotation files write the height of a box before its width."]
    return heads.Plan("p_destre", heads.PERSON, works, skipped, notes)


def _read_annotation(path, origin):
    """One annotation file: list of (Box, (x, y, w, h)) by frame; skips; whether the height comes before the width.

    The set describes its columns as x, y, h, w, while programs that use it read x, y, w, h. People are taller than
    wide: the larger of the two medians is the height.
    """
    found, skipped = [], []
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        where = f"{origin}, row {number}"
        values = line.split(",")
        try:
            numbers = [float(value) for value in values]
            frame, subject, *codes = (int(numbers[k]) for k in (FRAME, ID, GENDER, ETHNICITY, HAIRSTYLE))
            place = np.array(numbers[BOX])
        except (ValueError, IndexError, OverflowError):
            numbers = []
        if len(numbers) != COLUMNS or frame < 1 or not np.isfinite(place).all():
            skipped.append((where, f"not {COLUMNS} numbers" if len(numbers) != COLUMNS else "impossible frame or box"))
            continue
        if subject < 0:
            skipped.append((where, NO_ID))
            continue
        try:
            words = _words(*codes)
        except KeyError as error:
            skipped.append((where, f"label: {error.args[0]}"))
            continue
        found.append((heads.Box(str(subject), path.stem, frame, *words, where), place))
    found.sort(key=_frame)
    places = np.array([place for _, place in found]).reshape(-1, 4)
    tall_first = len(found) > 0 and bool(np.median(places[:, 2]) > np.median(places[:, 3]))
    order = [0, 1, 3, 2] if tall_first else [0, 1, 2, 3]
    return [(box, place[order]) for box, place in found], skipped, tall_first


def _video_work(stem, path, boxes):
    """The Work of all chosen boxes of one video, which is decoded once."""

    def read():
        at = {}
        for box, place in boxes:
            at.setdefault(box.frame, []).append((box, place))
        reason = "the video ends before this frame"
        try:
            with av.open(str(path)) as container:
                for number, picture in enumerate(container.decode(video=0), start=1):
                    if number in at:
                        rgb = picture.to_ndarray(format="rgb24")
                        for box, place in at.pop(number):
                            yield heads.placed(box, rgb, place)
                    if not at:
                        break
        except (av.FFmpegError, IndexError, OSError):  # IndexError: a file without a video stream
            reason = "video unreadable from some frame on"
        for left in at.values():
            for box, _ in left:
                yield box, reason, None

    return heads.Work(stem, len(boxes), read)


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    return loader.main("p_destre", __doc__, plan, arguments)


if __name__ == "__main__":
    sys.exit(main())
