"""Prepares YouTube Faces: `python -m data_prep.youtube_faces SOURCE --out DIR --labels FILE.csv`.

    SOURCE/frame_images_DB/Aaron_Eckhart/0/0.555.jpg           whole frames: person, video, frame
    SOURCE/frame_images_DB/Aaron_Eckhart.labeled_faces.txt     Aaron_Eckhart\\0\\0.555.jpg,0,237,101,112,112,0.0,1

with the CENTRE of the face, its width and height in the 3rd to 6th value; or, where only that part was extracted,

    SOURCE/aligned_images_DB/Aaron_Eckhart/0/aligned_detect_0.555.jpg    faces with their surroundings, turned upright

A sequence is a video. Soft labels come from the user's table, as for MARS (section IV-A).
"""

import re
import sys
from pathlib import Path

from data_prep import heads, loader, tables

SURROUNDINGS = 2.2  # x the labelled face is what the detector sees; also how the set itself cut aligned_images_DB
FRAME = re.compile(r"(\d+)\.(\d+)\.jpg")
ALIGNED = re.compile(r"aligned_detect_(\d+)\.(\d+)\.jpg")


def plan(
    source: Path, *, labels: Path | None = None, frames: int | None = None, sequences: int | None = None
) -> heads.Plan:
    """What is in an extracted YouTube Faces.

    Args:
        source: path of the folder with frame_images_DB or aligned_images_DB; with both, the whole frames are read.
        labels: path of the table of soft labels, or None.
        frames, sequences: int, at most so many boxes per sequence and sequences per subject; None for all.

    Raises:
        SourceError: if there is neither folder, no frame in it, or the table is bad.
    """
    skipped = []
    if (source / "frame_images_DB").is_dir():
        videos = _labelled(source, skipped)
    elif (source / "aligned_images_DB").is_dir():
        videos = _aligned(source, skipped)
    else:
        raise heads.SourceError(f"{source} has no frame_images_DB and no aligned_images_DB: extract one of them there.")
    if not videos:
        raise heads.SourceError(f"{source} has no labelled face such as Aaron_Eckhart/0/0.555.jpg: extract it anew.")
    words, notes = tables.read_labels(labels, {person for person, _ in videos})
    videos_of = {}
    for person, video in sorted(videos):
        videos_of.setdefault(person, []).append(video)
    works = []
    for person, own in videos_of.items():
        for video in heads.evenly(own, sequences):
            boxes = [
                (heads.Box(person, video, frame, *words[person], origin), path, place)
                for frame, origin, path, place in heads.evenly(sorted(videos[person, video]), frames)
            ]
            works.append(heads.picture_work(f"{person} {video}", boxes))
    return heads.Plan("youtube_faces", heads.FACE, works, skipped, notes)


def _labelled(source, skipped):
    """{(person, video): list of (frame, origin, path, (x, y, w, h))} of what the label files list."""
    folder = source / "frame_images_DB"
    videos, listed = {}, set()
    for file in sorted(folder.glob("*.labeled_faces.txt")):
        person = file.name.removesuffix(".labeled_faces.txt")
        for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
            where = f"frame_images_DB/{file.name}, row {number}"
            name, *values = line.split(",")
            parts = name.split("\\")
            match = FRAME.fullmatch(parts[-1])
            try:
                x, y, w, h = (float(value) for value in values[1:5])
            except ValueError:
                match = None
            if match is None or len(parts) != 3 or parts[:2] != [person, match[1]] or not heads.safe_name(person):
                skipped.append((where, "not person\\video\\video.frame.jpg and a box"))
                continue
            path = folder.joinpath(*parts)
            listed.add(path)
            place = (x - SURROUNDINGS * w / 2, y - SURROUNDINGS * h / 2, SURROUNDINGS * w, SURROUNDINGS * h)
            videos.setdefault((person, match[1]), []).append((int(match[2]), where, path, place))
    for path in sorted(folder.glob("*/*/*.jpg")):
        if path not in listed:
            skipped.append((path.relative_to(source).as_posix(), "frame without a labelled face"))
    return videos


def _aligned(source, skipped):
    """{(person, video): list of (frame, origin, path, None)}: the box is the whole picture."""
    videos = {}
    for path in sorted((source / "aligned_images_DB").glob("*/*/*")):
        origin = path.relative_to(source).as_posix()
        match = ALIGNED.fullmatch(path.name)
        person, video = path.parts[-3:-1]
        if match is None or match[1] != video or not heads.safe_name(person):
            skipped.append((origin, "not person/video/aligned_detect_video.frame.jpg"))
            continue
        videos.setdefault((person, video), []).append((int(match[2]), origin, path, None))
    return videos


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    return loader.main("youtube_faces", __doc__, plan, arguments, labels=True)


if __name__ == "__main__":
    sys.exit(main())
