"""Folders of pictures: `image` for every picture in them, under the same names."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from uunet.boxes import detection
from uunet.boxes.box_file import GivenBoxes
from uunet.errors import UUNetError
from uunet.media import profiles
from uunet.media.images import READABLE, ImageError
from uunet.pipeline.frame import new_deidentifier
from uunet.pipeline.image import deidentify_image, reconstruct_image, restore_image
from uunet.pipeline.options import LEARNED, PublicOptions, RestoreOptions

if TYPE_CHECKING:  # reading public files needs no network
    import keras


@dataclass(frozen=True)
class FolderResult:
    """What was done to the pictures of a folder, by their path inside it."""

    done: dict = field(default_factory=dict)  # -> number of heads
    failed: dict = field(default_factory=dict)  # -> sentence; nothing was written for these
    notes: dict = field(default_factory=dict)  # -> list of sentences that the user should read
    altered: dict = field(default_factory=dict)  # -> number of public heads that are not as they were published


def deidentify_folder(
    source: Path | str,
    target: Path | str,
    encoder: "keras.Model",
    detector: Callable | GivenBoxes,
    options: PublicOptions = PublicOptions(),
    progress: Callable | None = None,
) -> FolderResult:
    """Writes the public version of every picture in a folder and its subfolders, under the same name.

    A picture that fails is reported and the others are still done; for it nothing is written.

    Args:
        source: path of the folder; in it, files that are not READABLE are ignored.
        target: path of the folder for the results, made if it does not exist.
        encoder: U_e.
        detector: as in `deidentify_image`; boxes of frame k are for picture k in the order of their paths.
        options: how the files are written.
        progress: callable `(stage, done, total)`, after each picture.

    Raises:
        UUNetError: before anything is done, if the folders or the weights cannot be used like this.
    """
    if options.crf is not None:
        raise profiles.ProfileError("A folder of pictures has no crf: leave it out.")
    if options.sidecar is not None:
        raise ImageError("A folder of pictures has no sidecar file: leave --sidecar out, or give one picture.")
    options.check()
    (chosen,) = profiles.named(profiles.PICTURES, options.profile or profiles.PNG.name)
    profiles.carrying(chosen, options.method)
    plan = _plan(source, target, chosen.suffixes[0], options.overwrite)
    new_deidentifier(encoder, options.seed, hides=options.mode == LEARNED)  # refuses weights once, not per picture
    detectors = detection.per_picture(detector, len(plan))

    notes: dict[str, list[str]] = {}

    def one(k, picture, result):
        def note(sentence):
            notes.setdefault(str(picture.relative_to(source)), []).append(sentence)

        own = options if options.seed is None else replace(options, seed=options.seed + k)
        return deidentify_image(picture, result, encoder, detectors[k], own, note)

    return replace(_each(source, plan, one, progress, "de-identify"), notes=notes)


def reconstruct_folder(
    public: Path | str,
    target: Path | str,
    decoder: "keras.Model",
    options: RestoreOptions = RestoreOptions(),
    progress: Callable | None = None,
) -> FolderResult:
    """Writes the original faces back into every public picture of a folder, as .png; see `deidentify_folder`."""
    options.check_learned()
    plan = _plan(public, target, ".png", options.overwrite)
    boxes = [None] * len(plan) if options.boxes is None else options.boxes.per_picture(len(plan))

    def one(k, picture, result):
        return reconstruct_image(picture, result, decoder, replace(options, boxes=boxes[k]))

    return _each(public, plan, one, progress, "reconstruct")


def restore_folder(
    public: Path | str, target: Path | str, options: RestoreOptions, progress: Callable | None = None
) -> FolderResult:
    """Writes sealed originals back into every picture of a folder, as .png; see `image.restore_image`."""
    if options.sidecar is not None:
        raise ImageError("A folder of pictures has no sidecar file: restore one picture at a time.")
    options.check_sealed(target)
    altered = {}

    def one(k, picture, result):
        found = restore_image(picture, result, options)
        if found.altered:
            altered[str(picture.relative_to(public))] = len(found.altered)
        return sum(len(boxes or []) for boxes in found.boxes)

    plan = _plan(public, target, ".png", options.overwrite)
    return replace(_each(public, plan, one, progress, "restore"), altered=altered)


def _plan(source, target, suffix, overwrite):
    """Pairs of (picture, its result), by path; refuses, before anything is written, what cannot work."""
    source, target = Path(source), Path(target)
    try:
        pictures = _pictures(source, target)
        inputs = {picture.resolve() for picture in pictures}
        plan = {}
        for picture in pictures:
            result = target / picture.relative_to(source).with_suffix(suffix)
            if result in plan:
                raise ImageError(f"{picture} and {plan[result]} would both be written to {result}: rename one of them.")
            if result.resolve() in inputs:  # through a link
                raise ImageError(f"{result} is an input itself, which is never replaced: name another folder.")
            if result.exists() and not overwrite:
                raise ImageError(f"{result} exists already: name another folder, or ask to overwrite it.")
            plan[result] = picture
        return [(picture, result) for result, picture in plan.items()]
    except OSError as error:
        raise ImageError(f"{error.filename} cannot be used ({error.strerror}): name other folders.") from error


def _pictures(source, target):
    """The pictures in `source`, sorted by path, if the results can go to `target`."""
    if not source.is_dir():
        raise ImageError(f"{source} is not a folder: name a folder of pictures.")
    inner, outer = source.resolve(), target.resolve()
    if inner.is_relative_to(outer) or outer.is_relative_to(inner):
        raise ImageError(f"{target} overlaps with {source}: name a separate folder for the results.")
    if target.exists() and not target.is_dir():
        raise ImageError(f"{target} is a file: name a folder for the results.")
    # not `rglob`, which leaves out a folder that cannot be read, and with it its pictures
    paths = (Path(folder, name) for folder, _, names in os.walk(source, onerror=_raise) for name in names)
    pictures = sorted(path for path in paths if path.suffix.lower() in READABLE and path.is_file())
    if not pictures:
        raise ImageError(f"{source} holds no picture: put {', '.join(READABLE)} files into it.")
    return pictures


def _raise(error):
    raise error


def _each(source, plan, one, progress, stage):
    """Calls `one(k, picture, result)` for all pictures."""
    done, failed = {}, {}
    for k, (picture, result) in enumerate(plan):
        name = str(picture.relative_to(source))
        try:
            result.parent.mkdir(parents=True, exist_ok=True)
            done[name] = one(k, picture, result)
        except UUNetError as error:
            failed[name] = str(error)
        except OSError as error:
            raise ImageError(f"{result.parent} cannot be made ({error.strerror}): name another folder.") from error
        if progress:
            progress(stage, k + 1, len(plan))
    return FolderResult(done, failed)
