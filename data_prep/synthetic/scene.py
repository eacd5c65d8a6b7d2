"""A rendered surveillance clip with its ground truth: three people pass behind a parapet, filmed by a fixed camera.

    python -m data_prep.synthetic.scene --out walk.mp4 --seed 0

writes the clip (640 x 480, 15 frames a second, 60 frames, H.264) and, beside it, walk.csv: `frame,x,y,w,h,track`, one
row for each head in each frame, in pixels. A head's box is the square that training crops are cut from, without
their jitter: 1.27 times the longer side of head and hair, clipped to the frame. Heads less than a quarter in the
frame have no row.

The people of seed S are the identities 900000 + 3 S and the two after it; no data set uses these.
"""

import argparse
import csv
import dataclasses
import io
import math
import os
import sys
from pathlib import Path

import av
import cv2
import numpy as np

from data_prep.synthetic import colour, head, identity, light, mesh, render, sequence
from uunet.errors import UUNetError

WIDTH, HEIGHT, FRAME_RATE, FRAMES = 640, 480, 15, 60
FIRST_IDENTITY = 900_000
SUPERSAMPLING = 2  # drawn at twice the size, then reduced: smooth edges
MARGIN = (1.12 + 1.42) / 2  # the mean of `sequence.Sequence.margin`
PLACE, PLACE_TURN = "p_sunset", 0.75  # panorama, and which part of it the camera sees
ELEVATION = math.radians(2)  # the camera looks down a little
FIELD_OF_VIEW = math.radians(48)
DISTANCE = 40.0  # decimetres, for the people's perspective
PARAPET_ROW, PARAPET_LEDGE = 369, 14  # pixels: its upper edge, the height of its ledge
SENSOR_NOISE = 0.008  # standard deviation, sRGB in [0, 1]
ARMS_DOWN = math.radians(32)  # the mesh stands with its arms spread
EYE_HEIGHT = 0.8  # units above the base of the neck


class SceneError(UUNetError):
    """The clip cannot be written."""


@dataclasses.dataclass(frozen=True)
class Path2D:
    """How a person crosses the picture: column and row of the eyes and pixels a unit, at the start and at the end."""

    start: tuple
    end: tuple


# farthest first, which is the order they are drawn in
PATHS = (
    Path2D(start=(432, 301, 28.0), end=(332, 301, 28.5)),
    Path2D(start=(112, 299, 31.5), end=(204, 299, 33.0)),
    Path2D(start=(655, 297, 36.0), end=(486, 298, 34.5)),
)


@dataclasses.dataclass(frozen=True)
class Walker:
    """One person of the scene: column, row and scale are `(n,)` per frame, as in `Path2D`."""

    head: head.Head
    sequence: sequence.Sequence
    outfit: render.Outfit
    column: np.ndarray
    row: np.ndarray
    scale: np.ndarray


def frames(seed):
    """Yields (image, boxes) per frame: uint8 `(480, 640, 3)` RGB; boxes are (track, x, y, w, h) ints."""
    rng = np.random.default_rng(seed)
    panorama = np.roll(light.panoramas()[PLACE], int(PLACE_TURN * light.WIDTH), 1)
    place = light.from_panorama(PLACE, panorama, rng)
    walkers = [_walker(FIRST_IDENTITY + 3 * seed + k, place, path, rng) for k, path in enumerate(PATHS)]
    background = place.background(HEIGHT, WIDTH, ELEVATION, FIELD_OF_VIEW, 0, 0.8)
    parapet = _parapet(place, rng)
    exposure = None
    for index in range(FRAMES):
        picture, boxes, incident = background, [], []
        for track, walker in enumerate(walkers):
            layer, cover, box, arriving = _draw(walker, index)
            picture = picture * (1 - cover) + layer
            incident.append(render.auto_exposure(walker.head, place, arriving))
            if box is not None:
                boxes.append((track, *box))
        if exposure is None:
            exposure = 1.2 * np.mean(incident)
        picture = np.concatenate([picture[:PARAPET_ROW], parapet])
        picture = colour.expose(picture * exposure * place.white_balance)
        noise = rng.normal(size=(HEIGHT, WIDTH, 1)) + 0.5 * rng.normal(size=(HEIGHT, WIDTH, 3))
        picture = picture + SENSOR_NOISE * noise
        yield np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8), boxes


def write(target, seed):
    """Writes the clip to `target` (.mp4) and its ground truth beside it (.csv): the number of frames.

    Raises:
        SceneError: `target` is no .mp4, exists, or cannot be written.
    """
    truth = target.with_suffix(".csv")
    if target.suffix != ".mp4":
        raise SceneError(f"{target} is no .mp4; give --out a name that ends with .mp4.")
    for path in (target, truth):
        if path.exists():
            raise SceneError(f"{path} exists; delete it or choose another --out.")
    if not target.parent.is_dir():
        raise SceneError(f"{target.parent} is no directory; create it or choose another --out.")
    partial = target.with_suffix(".partial.mp4"), target.with_suffix(".partial.csv")
    rows = io.StringIO()
    table = csv.writer(rows, lineterminator="\n")
    table.writerow(["frame", "x", "y", "w", "h", "track"])
    try:
        with av.open(str(partial[0]), "w", options={"fflags": "+bitexact", "movflags": "+faststart"}) as container:
            stream = container.add_stream("libx264", rate=FRAME_RATE, options={"crf": "18", "preset": "slow"})
            stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
            for index, (image, boxes) in enumerate(frames(seed)):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
                table.writerows([index, *box, track] for track, *box in boxes)
            container.mux(stream.encode(None))
        partial[1].write_text(rows.getvalue())
        os.replace(partial[1], truth)
        os.replace(partial[0], target)
    except OSError as error:
        raise SceneError(f"{target} cannot be written ({error.strerror}); choose another --out.") from error
    finally:
        for path in partial:
            path.unlink(missing_ok=True)


def _walker(subject, place, path, rng):
    person = identity.sample(subject)
    shot = sequence.sample(person, subject * 100, FRAMES)
    rightwards = 1 if path.end[0] > path.start[0] else -1
    wave = _Waves(rng)
    smile = np.zeros((FRAMES, len(sequence.EXPRESSIONS)))
    smile[:, 1] = np.clip(wave(0.5, 6.0), 0, 1)
    smile[:, 0] = 1 - smile[:, 1]
    shot = dataclasses.replace(
        shot,
        environment=place,
        elevation=ELEVATION,
        distance=DISTANCE,
        yaw=np.radians(np.clip(rightwards * 9 + wave(19, 3.4), -34, 34)),
        pitch=np.radians(wave(4, 2.7)),
        roll=np.radians(wave(2.5, 3.1)),
        body_yaw=np.radians(rightwards * 24 + wave(4, 2.0)),
        body_tilt=np.radians(wave(1.2, 1.1)),
        gaze=np.stack([wave(0.08, 2.3), wave(0.03, 1.9)], 1),
        expression=smile,
    )
    steps = np.abs(np.sin(np.pi * (1.8 * _seconds() + rng.random())))  # 1.8 steps a second
    walked = _seconds() / _seconds()[-1]
    column, row, scale = (a + (b - a) * walked for a, b in zip(path.start, path.end, strict=True))
    solid = _lower_arms(head.build(person))
    return Walker(
        head=solid,
        sequence=shot,
        outfit=render.dress(solid, shot),
        column=column + wave(1.5, 1.1),
        row=row - scale * 0.10 * steps,
        scale=scale,
    )


def _seconds():
    return np.arange(FRAMES) / FRAME_RATE


class _Waves:
    """Slow random curves: `_Waves(rng)(amplitude, period)` is float64 `(FRAMES,)`; period in seconds."""

    def __init__(self, rng):
        self.rng = rng

    def __call__(self, amplitude, period):
        phases = self.rng.uniform(0, 2 * np.pi, 2)
        slow = np.sin(2 * np.pi * _seconds() / period + phases[0])
        fast = np.sin(2 * np.pi * _seconds() / period * 2.3 + phases[1])
        return amplitude * (0.8 * slow + 0.2 * fast)


def _lower_arms(solid):
    """The same `head.Head` with its arms hanging down: turned about the shoulders, blended by the skinning weights."""
    baked = np.load(mesh.BAKED / "headbase.npz")
    coarse = solid.coarse.copy()
    for arm, joint, side in (("W_l_arm", "J_joint-l-shoulder", -1), ("W_r_arm", "J_joint-r-shoulder", 1)):
        c, s = math.cos(ARMS_DOWN), side * math.sin(ARMS_DOWN)
        turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
        shoulder = solid.coarse[baked[joint]].mean(0)
        turned = (solid.coarse - shoulder) @ turn.T + shoulder
        coarse += baked[arm][:, None] * (turned - solid.coarse)
    points = np.ascontiguousarray(mesh.load().subdivide @ coarse)
    return dataclasses.replace(solid, coarse=coarse, points=points)


def _draw(walker, index):
    """One person in one frame.

    Returns:
        light `(480, 640, 3)`, already weighted by the cover `(480, 640, 1)` in [0, 1]; the head's box (x, y, w, h) or
        None; and the light on the face.
    """
    scale = walker.scale[index]
    posed = render.pose(walker.head, walker.sequence, walker.outfit, index)
    view = render.View(
        height=HEIGHT * SUPERSAMPLING,
        width=WIDTH * SUPERSAMPLING,
        focal=scale * DISTANCE * SUPERSAMPLING,
        centre_x=walker.column[index] * SUPERSAMPLING,
        centre_y=(walker.row[index] + EYE_HEIGHT * scale) * SUPERSAMPLING,
        distance=DISTANCE,
    )
    layer, parse, incident = render.draw(walker.head, walker.sequence, walker.outfit, posed, view, index)
    cover = (parse > 0).astype(np.float64)
    layer = cv2.resize(layer * cover[..., None], (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    cover = cv2.resize(cover, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)[..., None]
    return layer, cover, _head_box(walker, posed, view), incident


def _head_box(walker, posed, view):
    low, high = render.head_extent(walker.head, posed, DISTANCE)
    centre = np.array([view.centre_x, view.centre_y])
    low, high = (low * view.focal + centre) / SUPERSAMPLING, (high * view.focal + centre) / SUPERSAMPLING
    inside = np.clip(high[0], 0, WIDTH) - np.clip(low[0], 0, WIDTH)
    if inside < (high[0] - low[0]) / 4:
        return None
    half = max(high - low) * MARGIN / 2
    (x, y), (right, bottom) = np.round((low + high) / 2 - half), np.round((low + high) / 2 + half)
    x, y, right, bottom = max(x, 0), max(y, 0), min(right, WIDTH), min(bottom, HEIGHT)
    return int(x), int(y), int(right - x), int(bottom - y)


def _parapet(place, rng):
    """A plastered wall with a stone ledge in front of the people: `(rows, 640, 3)` linear light."""
    rows = HEIGHT - PARAPET_ROW
    mottled = cv2.resize(rng.normal(size=(rows // 24 + 2, WIDTH // 24)), (WIDTH, rows), interpolation=cv2.INTER_CUBIC)
    grain = cv2.GaussianBlur(rng.normal(size=(rows, WIDTH)), (0, 0), 0.8)
    albedo = colour.from_srgb([138, 128, 116]) * (1 + 0.05 * mottled + 0.06 * grain)[..., None]
    wall = albedo * _light_on(place, np.array([0, 0, 1.0])) * np.linspace(1.0, 0.8, rows)[:, None, None]
    wall[:PARAPET_LEDGE] = albedo[:PARAPET_LEDGE] * _light_on(place, np.array([0, 1.0, 0]))
    wall[PARAPET_LEDGE : PARAPET_LEDGE + 3] *= 0.55  # the ledge's shadow
    for column in range(97, WIDTH, 160):  # joints between the stones
        wall[:, column : column + 2] *= 0.8
    return wall


def _light_on(place, normal):
    """What a white matt surface reflects, `(3,)`: the surroundings' light and the key light's."""
    directions = mesh.load().directions
    cosine = np.maximum(directions @ normal, 0) * (4 / len(directions))
    return cosine @ place.radiance_from(directions) + place.key_colour * max(place.key_direction @ normal, 0) / np.pi


def main(arguments=None):
    """Runs the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m data_prep.synthetic.scene", description="Renders a surveillance clip and its ground truth."
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the clip, .mp4; a .csv goes beside it")
    parser.add_argument("--seed", type=int, default=0, help="which people, and how they move (default %(default)s)")
    options = parser.parse_args(arguments)
    try:
        write(options.out, options.seed)
    except UUNetError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{options.out} and its .csv hold {FRAMES} frames.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
