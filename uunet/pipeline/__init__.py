"""From a recording to its public version and back: one module each for a `frame` (an array), a `video`, an `image` and
a `folder` of images. `options` holds what a user may choose about the files.

`media` reads and writes the files, `wire.messages` gets the head boxes into the pixels and out of them.
"""

from uunet.pipeline.folder import deidentify_folder, reconstruct_folder, restore_folder
from uunet.pipeline.frame import deidentify, reconstruct
from uunet.pipeline.image import deidentify_image, inspect_image, reconstruct_image, restore_image
from uunet.pipeline.options import PublicOptions, RestoreOptions
from uunet.pipeline.video import deidentify_video, inspect_video, reconstruct_video, restore_video

__all__ = [
    "PublicOptions",
    "RestoreOptions",
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
    "restore_folder",
    "restore_image",
    "restore_video",
]
