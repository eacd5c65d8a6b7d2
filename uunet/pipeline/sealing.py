"""Publishing with sealed originals: the original heads travel encrypted beside the public frames.

`wire.envelope` makes the bytes of each frame's envelope. Where they travel depends on the public file:

    lossless video, PNG    in the lowest bits of the pixels
    H.264                  in an SEI message of each frame
    JPEG, Motion JPEG      in APP9 segments of each picture
    any, with a sidecar    in a file of their own

U_e hides nothing of x here: what it draws before hiding is pasted. `sealed` reads such files.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from uunet.atomic import new_files
from uunet.boxes.types import Clip
from uunet.errors import UUNetError
from uunet.media import envelopes, views
from uunet.media.profiles import Profile
from uunet.pipeline import frame
from uunet.pipeline.frame import crop, drawn, owned
from uunet.pipeline.options import EXACT, LEARNED, NONE, OptionsError, PublicOptions
from uunet.stego import jpeg, lsb
from uunet.wire import envelope, keys, originals, sidecar
from uunet.wire.sealer import Sealer, sealed_length

if TYPE_CHECKING:  # reading public files needs no network
    import keras

    from uunet import engine

STEPS = (originals.HIGH, 75, 50, 25)  # WebP's qualities: `high` falls from one to the next where room is short

KEPT = "A copy keeps the originals"
SAYS = {  # what becomes of the originals, by where they travel
    "pixels": f"{KEPT}, and so does a lossless conversion of RGB. Any lossy encoding destroys them.",
    "SEI": f"{KEPT}, and so does a remux (`ffmpeg -c copy`) to .mp4, .mkv or .ts. Encoding again drops them.",
    "APP9": f"{KEPT}. Encoding the picture again drops them, and so do programs that remove metadata.",
    "sidecar": "The originals are in the sidecar file. Keep both files: the public one carries nothing.",
}


def place(profile: Profile, beside: bool) -> str:
    """Where the originals travel, a key of SAYS; `beside`: whether there is a sidecar."""
    if beside:
        return "sidecar"
    if profile.exact:
        return "pixels"
    return "SEI" if profile.codec == "libx264" else "APP9"


class Publisher:
    """Makes the public frames of one file with sealed originals.

    Args:
        deidentifier: engine.Deidentifier that hides nothing: see `frame.new_deidentifier`.
        options: PublicOptions with recipients.
        profile: of the public file.
        sidecar_file: binary file to which `wire.sidecar` may write; None if the public file carries the originals.
    """

    def __init__(
        self,
        deidentifier: "engine.Deidentifier",
        options: PublicOptions,
        profile: Profile,
        sidecar_file: BinaryIO | None = None,
    ) -> None:
        self.deidentifier = deidentifier
        self.place, self.sidecar_file = place(profile, sidecar_file is not None), sidecar_file
        self.profile, self.exact = profile, options.quality == EXACT
        file_keys = keys.new_file_keys()
        self.sealer = Sealer(file_keys, keys.wrap(file_keys, options.recipients))
        self.lowered: Counter[int] = Counter()  # quality below originals.HIGH -> number of frames
        self._waiting: dict[int, _Heads] = {}  # H.264: by frame number, until the frame is encoded
        if sidecar_file is not None:
            sidecar.start(sidecar_file)

    @property
    def attach(self) -> Callable[[int, views.View], bytes | None] | None:
        """H.264: what a frame carries beside its picture, see `video_writing.convert`. None for other files."""
        return self._attach if self.profile.codec == "libx264" else None

    def __call__(
        self, frames: Sequence[np.ndarray], tracked: Clip, first_index: int = 0, last: bool = True
    ) -> list[np.ndarray | bytes]:
        """Public versions of consecutive frames: arguments and result as those of `frame.Publisher`.

        Raises:
            UUNetError: naming the first frame whose originals cannot be sealed, or that has no room for them.
        """
        public = drawn(frames, tracked, self.deidentifier)
        ends = [False] * (len(frames) - 1) + [last]
        result = []
        for index, some in enumerate(zip(frames, public, tracked, ends, strict=True), start=first_index):
            try:
                result.append(self._frame(index, *some))
            except UUNetError as error:
                raise type(error)(f"Frame {index}: {error}") from error
        return result

    def _attach(self, index, view):
        return self._carried(self._seal(self._waiting.pop(index), view))

    def notes(self) -> list[str]:
        """What the user should read about the originals."""
        return [
            f"In {frames} {'frame' if frames == 1 else 'frames'} the originals have quality {quality} instead of "
            f"{originals.HIGH}, because there is no room for more; --sidecar FILE has room for all."
            for quality, frames in sorted(self.lowered.items(), reverse=True)
        ]

    def _frame(self, index, original, public, heads, last):
        some = _Heads(index, original.shape, heads, self._pictures(index, original, heads), last)
        if self.attach:
            self._waiting[index] = some
            return public
        if self.profile.exact:
            parts = self._seal(some, views.of_rgb(public))
            if self._carried(parts) is None:
                return public
            return envelopes.in_pixels(public, parts, self.sealer.keys.order_key, index)
        data = jpeg.encode(public)
        content = self._carried(self._seal(some, jpeg.blocks(data)))
        return data if content is None else jpeg.with_segment(data, content)

    def _seal(self, some, view):
        """`(quality, picture)` of each head to the envelope of the frame: open part, body."""
        contents = [
            envelope.HeadContent(quality, originals.head_digest(view, roi), picture)
            for (quality, picture), (_, roi) in zip(some.pictures, some.heads, strict=True)
        ]
        return self.sealer.seal(some.index, some.shape, some.heads, contents, some.last)

    def _carried(self, parts):
        """The envelope as bytes for the public file; None if it goes into the sidecar."""
        if self.sidecar_file is None:
            return b"".join(parts)
        sidecar.write(self.sidecar_file, b"".join(parts))
        return None

    def _pictures(self, index, original, heads):
        """`(quality, picture)` of each head, at the best quality for which the frame has room."""
        rois = [roi for _, roi in heads]
        envelope.check_cover(rois, *original.shape[:2])
        masks = owned(rois)
        room = lsb.capacity(original.shape) if self.place == "pixels" else None
        needed = 0
        for quality in (envelope.EXACT,) if self.exact else STEPS:
            found = [
                (quality, originals.picture(crop(original, roi), mask, quality))
                for (_, roi), mask in zip(heads, masks, strict=True)
            ]
            lengths = [len(picture) for _, picture in found]
            needed = sealed_length(heads, lengths, len(self.sealer.record_for(index)))
            if room is None or needed <= room:
                if quality not in (envelope.EXACT, STEPS[0]):
                    self.lowered[quality] += 1
                return found
        smaller = "--quality high or " if self.exact else ""
        raise lsb.CapacityError(
            f"There is room for {room} bytes but the sealed originals need {needed}: give {smaller}--sidecar FILE."
        )


@contextmanager
def publishing(
    encoder: "keras.Model", options: PublicOptions, profile: Profile, source: Path | str, target: Path | str
) -> Iterator[tuple[Path, Publisher | frame.Publisher]]:
    """A context that writes a public file, for any reversal. Afterwards it and its sidecar are complete, or absent.

    Args:
        encoder: U_e.
        options: PublicOptions, checked.
        profile: of the public file.
        source, target: paths of the input, which is never replaced, and of the public file.

    Yields:
        The path to write the public file to, and its publisher.

    Raises:
        UUNetError: if `encoder` is not the one that is needed, or a file cannot be written.
    """
    targets = [Path(target)] + ([] if options.sidecar is None else [Path(options.sidecar)])
    if options.sidecar is not None and targets[0].resolve() == targets[1].resolve():
        raise OptionsError(f"The sidecar {options.sidecar} is also the public file: name another file for it.")
    with new_files(targets, source, overwrite=options.overwrite) as (part, *side):
        if options.mode == LEARNED:
            yield part, frame.new_publisher(encoder, options.seed, options.secret, profile.method)
            return
        deidentifier = frame.new_deidentifier(encoder, options.seed, hides=False)
        if options.mode == NONE:
            yield part, frame.Publisher(deidentifier, method=None)
        elif not side:
            yield part, Publisher(deidentifier, options, profile)
        else:
            with side[0].open("wb") as file:
                yield part, Publisher(deidentifier, options, profile, file)


@dataclass(frozen=True)
class _Heads:
    """The original heads of a frame, ready to be sealed."""

    index: int
    shape: tuple[int, ...]
    heads: list  # of TrackedBox
    pictures: list  # of (quality, picture)
    last: bool  # whether the file ends with this frame
