"""What commands print: results on stdout; progress, notes and errors on stderr."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TimeElapsedColumn, TimeRemainingColumn

from uunet.errors import UUNetError

console = Console(stderr=True)


def say(style: str, what: str, sentence: str) -> None:
    """Prints `what: sentence` on stderr. Brackets in both are no markup: file names may hold them."""
    console.print(f"[{style}]{escape(what)}:[/] {escape(sentence)}", highlight=False, soft_wrap=True)


def note(sentence: str) -> None:
    """Prints a note on stderr."""
    say("yellow", "note", sentence)


@contextlib.contextmanager
def progress() -> Iterator[Callable[[str, int, int | None], None]]:
    """Yields a callable `(stage, done, total or None)` that draws one progress bar per stage."""
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bars:
        tasks: dict[str, TaskID] = {}

        def show(stage: str, done: int, total: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield show


def report(result: Any, out: Path, no_heads: str) -> None:
    """Prints what was done to a picture, a folder or a video.

    Args:
        result: int, the number of heads in a picture; or an `folder.FolderResult`; or a `video.VideoResult`.
        out: Path of what was written.
        no_heads: sentence to print if there was no head.

    Raises:
        UUNetError: if some pictures of a folder failed.
    """
    from uunet.pipeline import folder

    if isinstance(result, int):
        heads = result
        print(f"{out}: {heads} heads")
    elif isinstance(result, folder.FolderResult):
        heads = _report_folder(result, out)
    else:
        heads = result.heads
        _report_video(result, out)
    if heads == 0:
        note(no_heads)
    if isinstance(result, folder.FolderResult) and result.failed:
        total = len(result.failed) + len(result.done)
        raise UUNetError(f"{len(result.failed)} of {total} pictures failed (see above); the others are written.")


def _report_folder(result: Any, out: Path) -> int:
    """Prints the counts, the failures and the pictures without a head; returns the number of heads."""
    heads = sum(result.done.values())
    print(f"{out}: {len(result.done)} pictures, {heads} heads")
    for name, sentences in result.notes.items():
        note(f"{name}: {' '.join(sentences)}")
    for name, sentence in result.failed.items():
        say("bold red", name, sentence)
    empty = [name for name, count in result.done.items() if count == 0]
    if empty and heads:
        note(f"No face was found in {', '.join(empty)}.")
    return heads


def _report_video(result: Any, out: Path) -> None:
    people = f" of {result.tracks} people" if result.tracks is not None else ""
    rate = result.frames / sum(result.seconds.values())
    print(
        f"{out}: {result.frames} frames, {result.heads} heads{people}, {result.frames_without_heads} frames without; "
        f"{result.bytes / 1e6:.2f} MB, {rate:.1f} frames a second; sound: {result.audio}"
    )
    for sentence in result.notes:
        note(sentence)


def report_restored(result: Any, out: Path) -> bool:
    """Prints what was restored of sealed originals; returns whether public heads were altered.

    Args:
        result: sealed.Contents of a picture, a `folder.FolderResult` or a `video.VideoResult`.
        out: Path of what was written.
    """
    from uunet.pipeline import folder, sealed, video

    if isinstance(result, folder.FolderResult):
        _report_folder(result, out)
        for name, count in result.altered.items():
            note(f"{name}: {count} public heads were altered after publication.")
        if result.failed:
            total = len(result.failed) + len(result.done)
            raise UUNetError(f"{len(result.failed)} of {total} pictures failed (see above); the others are written.")
        return bool(result.altered)
    if isinstance(result, video.VideoResult):
        _report_video(result, out)
    print(f"{out}: {_restored(result)}")
    for sentence in sealed.altered_notes(result.altered):
        note(sentence)
    return bool(result.altered)


def _restored(result: Any) -> str:
    """How many originals were restored, and how many heads a disclosure leaves virtual."""
    from uunet import authority

    if not result.closed:
        return f"{result.opened} originals restored"
    stay, tracks = sum(result.closed.values()), len(result.closed)
    return (
        f"{result.opened} head{'s' * (result.opened != 1)} of {authority.named(sorted(result.by_track))} restored; "
        f"{stay} head{'s' * (stay != 1)} of {tracks} other track{'s' * (tracks != 1)} stay virtual"
    )


def originals(public: Path, found: Any, sidecar: Path | None) -> dict[str, Any]:
    """What `inspect --json` prints of a file with sealed originals.

    Args:
        public: Path of the public file.
        found: sealed.Contents, what was read from it.
        sidecar: Path of the file that holds the originals; None if `public` does.
    """
    heads = [
        {"frame": frame, **roi._asdict(), "track": track}
        for frame, (boxes, tracks) in enumerate(zip(found.boxes, found.tracks, strict=True))
        for track, roi in zip(tracks, boxes or [], strict=False)
    ]
    frames: dict[int, list[int]] = {}
    for head in heads:
        frames.setdefault(head["track"], []).append(head["frame"])
    return {
        "file": public.name,
        "sidecar": sidecar.name if sidecar else None,
        "stream_id": found.stream_id.hex(),
        "width": found.shape[1],
        "height": found.shape[0],
        "frames": len(found.boxes),
        "recipients": found.recipients,
        "bytes": found.bytes,
        "opened": found.opened,
        "altered": [{"frame": frame, "track": track} for frame, track in found.altered],
        "failures": [{"first": first, "last": last, "says": str(error)} for first, last, error in found.failed()],
        "tracks": [
            {"track": track, "first": some[0], "last": some[-1], "boxes": len(some)} for track, some in frames.items()
        ],
        "boxes": heads,
    }


def print_originals(public: Path, found: Any, about: dict[str, Any]) -> None:
    """Prints what `inspect` says of a file with sealed originals."""
    from uunet.pipeline import sealed
    from uunet.wire import protocol
    from uunet.wire.contents import span

    if about["stream_id"]:
        where = f", in {about['sidecar']}" if about["sidecar"] else ""
        count = len(found.recipients)
        kinds = ", ".join(sorted(set(found.recipients)))
        print(
            f"{public}: sealed originals{where}, {found.bytes:,} bytes, for {count} recipient{'s' * (count != 1)} "
            f"({kinds}), stream {about['stream_id']}, {about['width']} x {about['height']}, {about['frames']} frames"
        )
    for track in sorted(about["tracks"], key=lambda one: one["track"]):
        print(f"track {track['track']}: {track['boxes']} heads, frames {track['first']} to {track['last']}")
    for index, rois in enumerate(found.boxes):
        if rois is not None:
            print(index, protocol.format_message(rois))
    if found.opened:
        print(f"{found.opened - len(found.altered)} of {found.opened} public heads are as they were published")
    for sentence in sealed.altered_notes(found.altered):
        note(sentence)
    for failure in about["failures"]:
        say("bold red", span(failure["first"], failure["last"]), failure["says"])


def say_left_out(paths: list[Path], folder: Path) -> None:
    """Names the files of a folder that were left out because they are no pictures."""
    if paths:
        names = sorted(str(path.relative_to(folder)) for path in paths)
        note(f"Not pictures, and left out: {', '.join(names)}.")


def contents(public: Path, found: Any) -> dict[str, Any]:
    """What `inspect --json` prints.

    Args:
        public: Path of the public file.
        found: contents.Contents, what was read from it.
    """
    from uunet.boxes import tracking
    from uunet.media import profiles

    stream = found.stream
    closed = stream is not None and stream.stream_id is not None and stream.seal is None
    rois = [(frame, roi) for frame, boxes in enumerate(found.boxes) for roi in boxes or []]
    tracks: dict[int, list[int]] = {}  # track -> its frames, as `deidentify --boxes` would associate the boxes
    for frame, heads in enumerate(tracking.associate([boxes or [] for boxes in found.boxes])):
        for track, _ in heads:
            tracks.setdefault(track, []).append(frame)
    return {
        "file": public.name,
        "profile": profiles.of(public, stream.method) if stream else None,
        "method": stream.method if stream else None,
        "sealed": stream.stream_id is not None if stream else None,
        "stream_id": stream.stream_id.hex() if stream and stream.stream_id else None,
        "width": found.shape[1],
        "height": found.shape[0],
        "frames": len(found.boxes),
        "failures": [{"first": first, "last": last, "says": str(error)} for first, last, error in found.failed()],
        "tracks": None
        if closed
        else [{"first": frames[0], "last": frames[-1], "boxes": len(frames)} for frames in tracks.values()],
        "boxes": None if closed else [{"frame": frame, **roi._asdict()} for frame, roi in rois],
    }


def print_contents(public: Path, found: Any, about: dict[str, Any]) -> None:
    """Prints what `inspect` says of a file: one line about it, one line per frame, and one per failure on stderr."""
    from uunet.wire import protocol
    from uunet.wire.contents import span

    if found.stream:
        sealed = f"sealed, stream {about['stream_id']}" if about["sealed"] else "plain"
        print(
            f"{public}: {about['profile'] or 'no profile of ours'}, {found.stream.method}, {sealed}, "
            f"{about['width']} x {about['height']}, {about['frames']} frames"
        )
    for index, rois in enumerate(found.boxes):
        if rois is not None:
            print(index, protocol.format_message(rois))
    for failure in about["failures"]:
        say("bold red", span(failure["first"], failure["last"]), failure["says"])


def print_areas(areas: dict[str, float | None], pairs: str) -> None:
    """Prints the area under the ROC curve of each label."""
    for label, area in areas.items():
        print(f"{label}: area under the ROC curve on {pairs} {'undefined' if area is None else f'{area:.3f}'}")


def remaining(progress: Any) -> str:
    """What follows "written: ..." if `--minutes` ended a training run before its last step; otherwise ""."""
    if not progress.remaining:
        return ""
    return (
        f"\n{progress.steps} of {progress.steps + progress.remaining} steps are done, in {progress.seconds / 60:.0f} "
        "minutes; repeat the command to resume."
    )
