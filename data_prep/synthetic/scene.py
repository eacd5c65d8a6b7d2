"""A rendered surveillance clip with its ground truth: people pass behind low walls, filmed by a fixed camera.

    python -m data_prep.synthetic.scene --out walk.mp4 --seed 5

writes the clip (H.264, constant quality 18) and, beside it, walk.csv with one `Row` for each visible head in each
frame. `--strip strip.png` also writes four of the frames with their boxes, side by side.

People enter, stand, cross in front of one another, turn their backs and leave. The ground is flat; a unit is a
decimetre; x is to the right of the camera's axis, depth the distance from it. A person of depth d is drawn with f / d
pixels per unit. Only head and shoulders of people exist as a mesh, so each of three lanes ends in a wall that hides the
rest.

The people of seed S are the identities 900000 + 8 S and those after it; no data set uses these.
"""

import csv
import dataclasses
import math
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import av
import cv2
import numpy as np
import rich.progress
import typer

from data_prep import command
from data_prep.synthetic import barriers, colour, drawing, ground, light, posing, render, walkers
from uunet import atomic

SIZES = ("640x480", "1280x720")

BACKGROUND_BLUR = 1.8  # pixels; panoramas are coarse
LENS_BLUR = 0.45  # pixels
SENSOR_NOISE = 0.008  # standard deviation, sRGB in [0, 1]
EXPOSURE, MIDDLE_GREY = 1.2, 0.45  # the camera meters the faces, and a bright picture as a whole

CLOTH = 6  # in the parse map of `drawing.draw`
EYE_HEIGHT = 0.8  # units above the base of the neck
MARGIN = (1.12 + 1.42) / 2  # the mean of `sequence.Sequence.margin`
LEAST_VISIBLE = 0.1  # share of a head; less of it has no row


@dataclasses.dataclass(frozen=True)
class Row:
    """A head in a frame; the order of the fields is the order of the columns.

    Attributes:
        frame: from 0.
        x, y, w, h: pixels, the square that training crops are cut from, without their jitter: 1.27 times the longer
            side of head and hair, cut at the frame's edge.
        track: from 0, one number per person.
        subject: seed of `identity.sample`; gender, ethnicity, hairstyle: that identity's.
        yaw, pitch, roll: degrees against the camera, yaw in [-180, 180); 0 looks into it, 90 to the picture's right.
        visible: share of the head's pixels that neither other people, a wall nor the frame's edge hides, in (0, 1].
    """

    frame: int
    x: int
    y: int
    w: int
    h: int
    track: int
    subject: int
    gender: str
    ethnicity: str
    hairstyle: str
    yaw: float
    pitch: float
    roll: float
    visible: float


COLUMNS = tuple(field.name for field in dataclasses.fields(Row))


def frames(scene: ground.Scene) -> Iterator[tuple[np.ndarray, list[Row]]]:
    """Yields (image, rows) per frame: uint8 `(height, width, 3)` RGB and the `Row`s of its heads, by track."""
    rng = np.random.default_rng(scene.seed)
    panorama = np.roll(light.panoramas()[scene.place], int(ground.PLACE_TURN * light.WIDTH), 1)
    place = light.from_panorama(scene.place, panorama, rng)
    people = [walkers.sample(scene, place, track, rng) for track in range(scene.people)]
    outdoors = light.PLACES[scene.place] == "outdoor"
    walls = [
        (barriers.hedge if outdoors and lane.hedge else barriers.wall)(scene, place, lane, rng) for lane in ground.LANES
    ]
    background = place.background(
        scene.height, scene.width, ground.ELEVATION, ground.FIELD_OF_VIEW, 0, BACKGROUND_BLUR * scene.zoom
    )
    gain = np.mean([_exposure(scene, walker, place) for walker in people])
    gain = gain * math.sqrt(min(1, MIDDLE_GREY / (gain * background.mean()))) * EXPOSURE * place.white_balance
    for index in range(scene.frames):
        picture, rows = _compose(scene, people, walls, background.astype(np.float64), index)
        picture = colour.expose(cv2.GaussianBlur(picture * gain, (0, 0), LENS_BLUR * scene.zoom))
        shape = scene.height, scene.width
        noise = rng.normal(size=(*shape, 1)) + 0.5 * rng.normal(size=(*shape, 3))
        yield np.round(np.clip(picture + SENSOR_NOISE * noise, 0, 1) * 255).astype(np.uint8), rows


def write(
    target: Path,
    scene: ground.Scene,
    strip: Path | None = None,
    *,
    overwrite: bool = False,
    on_frame: Callable[[int], None] = lambda done: None,
) -> None:
    """Writes the clip to `target` (.mp4), its ground truth beside it (.csv), and four frames with boxes to `strip`.

    Args:
        target: .mp4.
        scene: what to film.
        strip: .png, or None.
        overwrite: whether existing files may be replaced.
        on_frame: called with the number of finished frames.

    Raises:
        SceneError: a name does not end as it must.
        OutputError: a file exists or cannot be written.
    """
    if target.suffix != ".mp4":
        raise ground.SceneError(f"{target} is no .mp4; give --out a name that ends with .mp4.")
    if strip is None:
        _write_clip(target, scene, overwrite, on_frame)
        return
    if strip.suffix != ".png":
        raise ground.SceneError(f"{strip} is no .png; give --strip a name that ends with .png.")
    with atomic.new_file(strip, overwrite=overwrite) as partial:
        pictures = _write_clip(target, scene, overwrite, on_frame)
        partial.write_bytes(cv2.imencode(".png", np.concatenate(pictures, 1)[..., ::-1])[1].tobytes())


def _write_clip(target, scene, overwrite, on_frame):
    """Writes clip and ground truth; returns four of the pictures, with their boxes."""
    shown, pictures = {scene.frames * k // 8 for k in (1, 3, 5, 7)}, []
    with (
        atomic.new_file(target.with_suffix(".csv"), overwrite=overwrite) as partial_truth,
        atomic.new_file(target, overwrite=overwrite) as partial,
        partial_truth.open("w", newline="") as truth,
    ):
        table = csv.writer(truth, lineterminator="\n")
        table.writerow(COLUMNS)
        with av.open(str(partial), "w", options={"fflags": "+bitexact", "movflags": "+faststart"}) as container:
            stream = container.add_stream("libx264", rate=scene.fps, options={"crf": "18", "preset": "slow"})
            stream.width, stream.height, stream.pix_fmt = scene.width, scene.height, "yuv420p"
            for index, (image, rows) in enumerate(frames(scene)):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
                table.writerows(dataclasses.astuple(row) for row in rows)
                if index in shown:
                    pictures.append(_with_boxes(image, rows))
                on_frame(index + 1)
            container.mux(stream.encode(None))
    return pictures


def _with_boxes(image, rows):
    """The picture at a height of 360 pixels, with each head's box, track and visible share."""
    zoom = 360 / len(image)
    picture = cv2.resize(image, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
    for row in rows:
        tint = [int(v) for v in cv2.applyColorMap(np.uint8([[32 * row.track]]), cv2.COLORMAP_HSV)[0, 0]]
        x, y, right, bottom = (round(zoom * v) for v in (row.x, row.y, row.x + row.w, row.y + row.h))
        cv2.rectangle(picture, (x, y), (right - 1, bottom - 1), tint, 1)
        text = f"{row.track}: {row.visible:.0%}"
        cv2.putText(picture, text, (max(x, 2), max(y - 4, 10)), cv2.FONT_HERSHEY_SIMPLEX, 0.38, tint, 1, cv2.LINE_AA)
    return picture


def _exposure(scene, walker, place):
    """The factor that suits this person, from the light on the face in the first frame."""
    posed = posing.pose(walker.head, walker.sequence, walker.outfit, 0)
    depth = walker.depth[0]
    view = posing.View(height=32, width=32, focal=8 * depth, centre_x=16, centre_y=16, distance=depth)
    incident = drawing.draw(walker.head, walker.sequence, walker.outfit, posed, view, 0)[2]
    return render.auto_exposure(walker.head, place, incident)


def _compose(scene, people, walls, picture, index):
    """One frame, from far to near: linear light `(height, width, 3)`, and its rows. `picture` is the background."""
    seen = np.zeros((len(people), scene.height, scene.width), np.float32)  # how much of each head each pixel shows
    boxes = {}
    for number, (barrier, barrier_cover) in enumerate(walls):
        present = [track for track in range(len(people)) if ground.LANE_OF[track] == number]
        for track in sorted(present, key=lambda track: -people[track].depth[index]):
            drawn = _draw(scene, people[track], index)
            if drawn is None:
                continue
            (left, top), layer, cover, head_cover, box = drawn
            # the window may reach outside the frame
            first, last = max(left, 0), min(left + cover.shape[1], scene.width)
            upper, lower = max(top, 0), min(top + cover.shape[0], scene.height)
            inner = slice(upper - top, lower - top), slice(first - left, last - left)
            window = slice(upper, lower), slice(first, last)
            bare = 1 - cover[inner]
            picture[window] = picture[window] * bare[..., None] + layer[inner]
            seen[:, *window] *= bare
            seen[track, *window] = head_cover[inner]
            boxes[track] = box, head_cover.sum()
        top = scene.height - len(barrier)
        picture[top:] = picture[top:] * (1 - barrier_cover[..., None]) + barrier
        seen[:, top:] *= 1 - barrier_cover
    rows = []
    for track, (box, whole) in sorted(boxes.items()):
        visible = min(seen[track].sum() / whole, 1)
        if visible >= LEAST_VISIBLE:
            rows.append(_row(scene, people[track], index, track, box, float(visible)))
    return picture, rows


def _row(scene, walker, index, track, box, visible):
    person, shot = walker.head.identity, walker.sequence
    (x, y), (right, bottom) = np.clip(box, 0, (scene.width, scene.height))
    return Row(
        frame=index,
        x=int(x),
        y=int(y),
        w=int(right - x),
        h=int(bottom - y),
        track=track,
        subject=scene.subjects[track],
        gender=person.gender,
        ethnicity=person.ethnicity,
        hairstyle=person.hairstyle,
        yaw=round((math.degrees(shot.yaw[index]) + 180) % 360 - 180, 2),
        pitch=round(math.degrees(shot.pitch[index] + shot.elevation), 2),
        roll=round(math.degrees(shot.roll[index]), 2),
        visible=round(visible, 3),
    )


def _draw(scene, walker, index):
    """One person in one frame, in a window of the picture that may reach outside it.

    Returns:
        None if nothing of it is in the frame, else: the window's left and top; light `(h, w, 3)`, weighted by the
        cover; cover `(h, w)` in [0, 1]; the head's cover; its box ((left, top), (right, bottom)), not cut.
    """
    depth, column, row = walker.depth[index], walker.column[index], walker.row[index]
    scale = ground.FOCAL * scene.zoom / depth
    aside, up, down = (math.ceil(reach * scale) for reach in walkers.REACH)
    left, top = math.floor(column) - aside, math.floor(row) - up
    if left >= scene.width or left + 2 * aside <= 0:
        return None
    width, height = 2 * aside, min(up + down, scene.height - top)
    fine = 4 if scale < 20 else 2  # drawn at several times the size, then reduced: smooth edges
    posed = posing.pose(walker.head, walker.sequence, walker.outfit, index)
    view = posing.View(
        height=height * fine,
        width=width * fine,
        focal=ground.FOCAL * scene.zoom * fine,
        centre_x=(column - left) * fine,
        centre_y=(row - top + EYE_HEIGHT * scale) * fine,
        distance=depth,
    )
    layer, parse, _ = drawing.draw(walker.head, walker.sequence, walker.outfit, posed, view, index)
    low, high = posing.head_extent(walker.head, posed, depth)
    centre = np.array([view.centre_x, view.centre_y])
    low, high = low * view.focal + centre, high * view.focal + centre  # pixels of the fine window
    cover = (parse > 0).astype(np.float64)
    (first, upper), (last, lower) = np.maximum(np.round([low, high]).astype(int), 0)
    head_cover = np.zeros_like(cover)
    head_cover[upper:lower, first:last] = (parse != CLOTH)[upper:lower, first:last]
    head_cover *= cover
    half = (high - low).max() * MARGIN / 2
    middle = (low + high) / 2
    box = np.round(np.array([middle - half, middle + half]) / fine + (left, top)).astype(int)

    def reduce(values):
        return cv2.resize(values, (width, height), interpolation=cv2.INTER_AREA)

    return (left, top), reduce(layer * cover[..., None]), reduce(cover), reduce(head_cover), box


def _film(
    out: Annotated[Path, typer.Option(metavar="FILE", help="The clip, .mp4; a .csv goes beside it.")],
    strip: Annotated[Path | None, typer.Option(metavar="FILE", help="Four frames with their boxes, .png.")] = None,
    size: Annotated[str, typer.Option(help=f"{' or '.join(SIZES)}.")] = SIZES[0],
    fps: Annotated[int, typer.Option(help="Frames per second, 10 to 25.")] = ground.Scene.fps,
    seconds: Annotated[float, typer.Option(help="Duration.")] = ground.Scene.seconds,
    people: Annotated[int, typer.Option(help="How many, 1 to 8.")] = ground.Scene.people,
    seed: Annotated[int, typer.Option(help="Which people, and how they move.")] = 0,
    place: Annotated[str, typer.Option(help="Which panorama.")] = ground.Scene.place,
    overwrite: command.Overwrite = False,
):
    if size not in SIZES:
        raise ground.SceneError(f"--size is {size}; give {' or '.join(SIZES)}.")
    width, height = (int(side) for side in size.split("x"))
    scene = ground.Scene(width, height, fps, seconds, people, seed, place)
    start = time.perf_counter()
    columns = *rich.progress.Progress.get_default_columns(), rich.progress.MofNCompleteColumn()
    with rich.progress.Progress(*columns) as progress:
        bar = progress.add_task("frames", total=scene.frames)
        write(out, scene, strip, overwrite=overwrite, on_frame=lambda done: progress.update(bar, completed=done))
    rate = scene.frames / (time.perf_counter() - start)
    print(f"{out} and its .csv hold {scene.frames} frames ({rate:.1f} frames a second).")


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    return command.run(_film, arguments, "synthetic.scene", __doc__)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as Ctrl-C: nothing half-written stays
    sys.exit(main())
