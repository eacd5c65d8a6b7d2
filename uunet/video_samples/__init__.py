"""A small clip to try things on: three rendered people pass behind a parapet; nobody in it exists.

640 x 480, 15 frames a second, 60 frames, no sound; one person enters from the right. Made by

    python -m data_prep.synthetic.scene --out walk.mp4 --seed 5

from CC0 sources (data_prep/synthetic/baked/NOTICE.md).
"""

from pathlib import Path

WALK = Path(__file__).parent / "walk.mp4"
WALK_HEADS = Path(__file__).parent / "walk.csv"  # the true head boxes: frame, x, y, w, h, track
