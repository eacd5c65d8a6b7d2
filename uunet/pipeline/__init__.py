"""From a recording to its public version and back: arrays (`frame`), videos (`video`) and still images (`images`).

`profiles` says how public files are written, `messages` how the head boxes get into their pixels and out again.
"""

from uunet.pipeline.frame import deidentify, reconstruct
from uunet.pipeline.images import (
    deidentify_folder,
    deidentify_image,
    inspect_image,
    reconstruct_folder,
    reconstruct_image,
)
from uunet.pipeline.video import deidentify_video, inspect_video, reconstruct_video

__all__ = [
    "deidentify",
    "deidentify_folder",
    "deidentify_image",
    "deidentify_video",
    "inspect_image",
    "inspect_video",
    "reconstruct",
    "reconstruct_folder",
    "reconstruct_image",
    "reconstruct_video",
]
