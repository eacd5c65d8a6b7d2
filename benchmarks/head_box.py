"""How much larger a head is than MTCNN's face box: `detection.HEAD_SCALE` and `HEAD_SHIFT` are its results.

python benchmarks/head_box.py
"""

import csv

import numpy as np
import typer

from uunet import video_samples
from uunet.boxes import detection
from uunet.media import video_reading


def main() -> None:
    """Compares the true head boxes of the bundled clip with the faces that MTCNN finds in it."""
    truths = {}
    with open(video_samples.WALK_HEADS) as file:
        for row in csv.DictReader(file):
            truths.setdefault(int(row["frame"]), []).append([int(row[name]) for name in "xywh"])
    found = []
    for k, faces in enumerate(detection.mtcnn().many(video_reading.read_frames(video_samples.WALK))):
        for x, y, w, h in faces:
            for left, top, width, height in truths.get(k, []):
                centre = (x + w / 2 - left, y + h / 2 - top)
                if width == height and 0 < centre[0] < width and 0 < centre[1] < height:  # a whole head, this face's
                    found.append((width / max(w, h), (height / 2 - centre[1]) / height))
    scale, shift = np.median(found, axis=0)
    print(f"{len(found)} faces: side {scale:.2f} x the face's longer side, centre {-shift:.3f} of the side higher")


if __name__ == "__main__":
    typer.run(main)
