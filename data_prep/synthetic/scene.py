"""A rendered surveillance clip with its ground truth: people pass behind low walls, filmed by a fixed camera.

    python -m data_prep.synthetic.scene --out walk.mp4 --seed 5

writes the clip (H.264, constant quality 18) and, beside it, walk.csv with one `Row` for each visible head in each
frame. `--strip strip.png` also writes four of the frames with their boxes, side by side.

People enter, stand, cross in front of one another, turn their backs and leave. The ground is flat; a unit is a
decimetre; x is to the right of the camera's axis, depth the distance from it. A person of depth d is drawn with f / d
pixels a unit. Only head and shoulders of people exist as a mesh, so each of three lanes ends in a wall that hides the
rest.

The people of seed S are the identities 900000 + 8 S and those after it; no data set uses these.
"""

import csv
import dataclasses
import math
import signal
import sys
import time
from pathlib import Path
from typing import Annotated

import av
import cv2
import numpy as np
import rich.progress
import typer
from scipy.ndimage import gaussian_filter1d

from data_prep import command
from data_prep.synthetic import colour, drawing, head, identity, light, mesh, posing, render, sequence
from uunet import atomic
from uunet.errors import UUNetError

SIZES = ("640x480", "1280x720")
FRAME_RATES = (10, 25)  # the lowest and the highest
DURATIONS = (0.5, 600)  # seconds
MOST_PEOPLE = 8
FIRST_IDENTITY, IDENTITIES = 900_000, 100_000

# the camera; lengths in pixels are of a picture 480 pixels high
FOCAL = 850  # pixels
CAMERA_HEIGHT = 2.4  # units above the eyes of an average person
ELEVATION = math.radians(2)  # it looks down a little
FIELD_OF_VIEW = math.radians(48)  # of the background
PLACE_TURN = 0.75  # which part of the panorama it sees, in turns
BACKGROUND_BLUR = 1.8  # pixels; panoramas are coarse
LENS_BLUR = 0.45  # pixels
SENSOR_NOISE = 0.008  # standard deviation, sRGB in [0, 1]
EXPOSURE, MIDDLE_GREY = 1.2, 0.45  # the camera meters the faces, and a bright picture as a whole

LEAF, LEAF_LENGTH = (72, 86, 54), 0.55  # 8-bit sRGB; units
LEAVES = 9  # in a square of a leaf's length

# a person
CLOTH = 6  # in the parse map of `drawing.draw`
EYE_HEIGHT = 0.8  # units above the base of the neck
REACH = 3.0, 2.6, 5.0  # units: from the eyes to the side, up and down, nothing of a person is farther away
STATURE = 0.4  # units, the most that somebody is taller or smaller than the average
ARMS_DOWN = math.radians(32)  # the mesh stands with its arms spread
CHEST, CHEST_STRETCH = 5.0, 5.0  # the mesh ends below the chest: what is below this height (units) is made longer
MARGIN = (1.12 + 1.42) / 2  # the mean of `sequence.Sequence.margin`
LEAST_VISIBLE = 0.1  # share of a head; less of it has no row
SHORTEST_STORY = 4.0  # seconds that a person needs to enter and to leave; shorter clips are quickened


class SceneError(UUNetError):
    """A scene is impossible."""


@dataclasses.dataclass(frozen=True)
class Scene:
    """What to film.

    Attributes:
        width, height: pixels, even.
        fps: frames a second, 10 to 25.
        seconds: duration, 0.5 to 600.
        people: 1 to 8.
        seed: which people, how they move, and the noise; 0 to 12499.
        place: one of `light.panoramas`.
    """

    width: int = 640
    height: int = 480
    fps: int = 15
    seconds: float = 4.0
    people: int = 3
    seed: int = 0
    place: str = "p_sunset"

    def __post_init__(self):
        last_seed = IDENTITIES // MOST_PEOPLE - 1
        for name, low, high in (
            ("fps", *FRAME_RATES),
            ("seconds", *DURATIONS),
            ("people", 1, MOST_PEOPLE),
            ("seed", 0, last_seed),
        ):
            if not low <= getattr(self, name) <= high:
                raise SceneError(f"--{name} is {getattr(self, name)}; give {low} to {high}.")
        if self.place not in light.panoramas():
            raise SceneError(f"--place is {self.place}; give one of {', '.join(light.panoramas())}.")

    @property
    def frames(self):
        """Number of frames."""
        return round(self.fps * self.seconds)

    @property
    def times(self):
        """Of the frames: float64 `(frames,)`, seconds."""
        return np.arange(self.frames) / self.fps

    @property
    def zoom(self):
        """Pixels of this picture in one of a picture 480 pixels high."""
        return self.height / 480

    @property
    def subjects(self):
        """The identities' seeds; the position is the track."""
        first = FIRST_IDENTITY + MOST_PEOPLE * self.seed
        return range(first, first + self.people)


@dataclasses.dataclass(frozen=True)
class Row:
    """A head in a frame; the order of the fields is the order of the columns.

    Attributes:
        frame: from 0.
        x, y, w, h: pixels, the square that training crops are cut from, without their jitter: 1.27 times the longer
            side of head and hair, cut at the frame's edge.
        track: from 0, one number a person.
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


@dataclasses.dataclass(frozen=True)
class Lane:
    """A strip of ground.

    Attributes:
        depths: units, from the camera.
        wall: row of the upper edge of the wall in front of it, of a picture 480 pixels high. High enough to hide where
            the farthest and tallest person ends, low enough to show the chin of the nearest and smallest.
        ledge: its height, in pixels of the same picture.
        albedo: of the wall, 8-bit sRGB.
        hedge: whether the wall is a hedge where the scene is outdoors.
    """

    depths: tuple
    wall: int
    ledge: int
    albedo: tuple
    hedge: bool


LANES = (  # farthest first
    Lane(depths=(65, 86), wall=278, ledge=4, albedo=(150, 142, 130), hedge=True),
    Lane(depths=(40, 53), wall=314, ledge=7, albedo=(143, 134, 122), hedge=True),
    Lane(depths=(25, 33), wall=372, ledge=13, albedo=(138, 128, 116), hedge=False),
)
LANE_OF = (1, 2, 2, 0, 1, 0, 2, 1)  # per track


@dataclasses.dataclass(frozen=True)
class Walker:
    """One person of the scene.

    Attributes:
        head, sequence, outfit: see there; the arms hang down.
        column, row: float64 `(frames,)`, of the point between the eyes, in pixels.
        depth: float64 `(frames,)`, units.
    """

    head: head.Head
    sequence: sequence.Sequence
    outfit: posing.Outfit
    column: np.ndarray
    row: np.ndarray
    depth: np.ndarray


def frames(scene):
    """Yields (image, rows) per frame: uint8 `(height, width, 3)` RGB and the `Row`s of its heads, by track."""
    rng = np.random.default_rng(scene.seed)
    panorama = np.roll(light.panoramas()[scene.place], int(PLACE_TURN * light.WIDTH), 1)
    place = light.from_panorama(scene.place, panorama, rng)
    walkers = [_walker(scene, place, track, rng) for track in range(scene.people)]
    outdoors = light.PLACES[scene.place] == "outdoor"
    walls = [(_hedge if outdoors and lane.hedge else _wall)(scene, place, lane, rng) for lane in LANES]
    background = place.background(scene.height, scene.width, ELEVATION, FIELD_OF_VIEW, 0, BACKGROUND_BLUR * scene.zoom)
    gain = np.mean([_exposure(scene, walker, place) for walker in walkers])
    gain = gain * math.sqrt(min(1, MIDDLE_GREY / (gain * background.mean()))) * EXPOSURE * place.white_balance
    for index in range(scene.frames):
        picture, rows = _compose(scene, walkers, walls, background.astype(np.float64), index)
        picture = colour.expose(cv2.GaussianBlur(picture * gain, (0, 0), LENS_BLUR * scene.zoom))
        shape = scene.height, scene.width
        noise = rng.normal(size=(*shape, 1)) + 0.5 * rng.normal(size=(*shape, 3))
        yield np.round(np.clip(picture + SENSOR_NOISE * noise, 0, 1) * 255).astype(np.uint8), rows


def write(target, scene, strip=None, *, overwrite=False, on_frame=lambda done: None):
    """Writes the clip to `target` (.mp4), its ground truth beside it (.csv), and four frames with boxes to `strip`.

    Args:
        target: Path.
        scene: `Scene`.
        strip: Path (.png), or None.
        overwrite: bool, whether existing files may be replaced.
        on_frame: called with the number of finished frames.

    Raises:
        SceneError: a name does not end as it must.
        outputs.OutputError: a file exists or cannot be written.
    """
    if target.suffix != ".mp4":
        raise SceneError(f"{target} is no .mp4; give --out a name that ends with .mp4.")
    if strip is None:
        _write_clip(target, scene, overwrite, on_frame)
        return
    if strip.suffix != ".png":
        raise SceneError(f"{strip} is no .png; give --strip a name that ends with .png.")
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


def _walker(scene, place, track, rng):
    subject = scene.subjects[track]
    person = identity.sample(subject)
    shot = sequence.sample(person, subject * 100, scene.frames)
    x, depth, body_yaw, stride = _route(scene, track, rng)

    def wave(amplitude, period):
        """A slow random curve, float64 `(frames,)`; period in seconds."""
        phases = rng.uniform(0, 2 * np.pi, 2)
        turns = 2 * np.pi * scene.times / period
        return amplitude * (0.8 * np.sin(turns + phases[0]) + 0.2 * np.sin(2.3 * turns + phases[1]))

    smile = np.zeros((scene.frames, len(sequence.EXPRESSIONS)))
    smile[:, 1] = np.clip(wave(0.5, 6.0), 0, 1)
    smile[:, 0] = 1 - smile[:, 1]
    shot = dataclasses.replace(
        shot,
        environment=place,
        elevation=math.atan(CAMERA_HEIGHT / depth.mean()),
        distance=float(depth.mean()),
        yaw=_glance(body_yaw, rng.uniform(0.5, 0.9)) + np.radians(wave(14, 3.4)),
        pitch=np.radians(wave(4, 2.7)),
        roll=np.radians(wave(2.5, 3.1)),
        body_yaw=body_yaw + np.radians(wave(4, 2.0)),
        body_tilt=np.radians(wave(1.2, 1.1)),
        gaze=np.stack([wave(0.08, 2.3), wave(0.03, 1.9)], 1),
        expression=smile,
    )
    scale = FOCAL * scene.zoom / depth
    horizon = scene.height / 2 * (1 - math.tan(ELEVATION) / math.tan(FIELD_OF_VIEW / 2))
    bob = 0.12 * stride * np.abs(np.sin(np.pi * (1.8 * scene.times + rng.random())))  # 1.8 steps a second
    stature = rng.uniform(-STATURE, STATURE) / 2 + STATURE / 2 * (1 if person.gender == "male" else -1)
    solid = _stand_up(head.build(person))
    return Walker(
        head=solid,
        sequence=shot,
        outfit=posing.dress(solid, shot),
        column=scene.width / 2 + (x + wave(0.04, 1.1)) * scale,
        row=horizon + (CAMERA_HEIGHT - stature - bob) * scale,
        depth=depth,
    )


def _route(scene, track, rng):
    """How a person moves: x and depth in units, the body's yaw in radians, and how much it walks, in [0, 1].

    Of three people the first enters, stands a while and leaves; the second stands, turns its back and walks about;
    the third crosses the picture. Each begins again until the clip ends. The depths of two people never meet.
    """
    lane = LANES[LANE_OF[track]]
    sharing = [other for other in range(MOST_PEOPLE) if LANE_OF[other] == LANE_OF[track]]
    edges = np.linspace(*lane.depths, len(sharing) + 1)
    place = sharing.index(track)
    spare = 0.2 * (edges[1] - edges[0])
    pace = rng.uniform(10.5, 13.5)  # units a second
    side = float(rng.choice([-1, 1]))

    def half_width(depth):
        return scene.width / 2 * depth / (FOCAL * scene.zoom)

    def station():
        depth = rng.uniform(edges[place] + spare, edges[place + 1] - spare)
        return rng.uniform(-0.55, 0.55) * half_width(depth), depth

    def outside(side):
        depth = rng.uniform(edges[place] + spare, edges[place + 1] - spare)
        return side * (half_width(depth) + REACH[0]), depth

    def turn(yaw, seconds, pause):
        """Turns on the spot, then stands."""
        t, x, depth, before = route[-1]
        yaw = before + (yaw - before + np.pi) % (2 * np.pi) - np.pi  # the shorter way
        route.extend([(t + seconds, x, depth, yaw), (t + seconds + pause, x, depth, yaw)])

    def walk(x, depth):
        """Turns while setting off."""
        t, from_x, from_depth, before = route[-1]
        seconds = math.hypot(x - from_x, depth - from_depth) / pace
        yaw = math.atan2(x - from_x, from_depth - depth)
        yaw = before + (yaw - before + np.pi) % (2 * np.pi) - np.pi
        share = min(0.35 / seconds, 0.5)
        on_the_way = from_x + share * (x - from_x), from_depth + share * (depth - from_depth)
        route.extend([(t + share * seconds, *on_the_way, yaw), (t + seconds, x, depth, yaw)])

    act = track % 3
    start = station() if act == 1 else outside(side)
    route = [(0.0, *start, rng.uniform(-0.3, 0.3) if act == 1 else -side * np.pi / 2)]
    begun = rng.uniform(0, 3) if track > 2 else 0  # the first three begin with the clip
    while route[-1][0] < max(scene.seconds, SHORTEST_STORY) + begun:
        if act == 0:
            walk(*station())
            turn(rng.uniform(-0.4, 0.4), 0.4, rng.uniform(0.5, 1.2))
            side = float(rng.choice([-1, 1]))
            walk(*outside(side))
        elif act == 1:
            turn(rng.uniform(-0.3, 0.3), 0.1, rng.uniform(0.1, 0.5))
            turn(float(rng.choice([-1, 1])) * rng.uniform(2.9, np.pi), 0.8, rng.uniform(0.4, 0.9))
            turn(rng.uniform(-0.3, 0.3), 0.8, rng.uniform(0.3, 1.0))
            walk(*station())
            continue
        else:
            side = -side
            walk(*outside(side))
        turn(-side * np.pi / 2, 0.3, rng.uniform(0.2, 0.8))  # out of sight
    times, *curves = np.array(route).T
    times = (times - begun) * min(1, scene.seconds / SHORTEST_STORY)
    x, depth, yaw = (
        gaussian_filter1d(np.interp(scene.times, times, curve), 0.12 * scene.fps, mode="nearest") for curve in curves
    )
    if scene.frames > 1:
        speed = np.hypot(np.gradient(x), np.gradient(depth)) * scene.fps
    else:
        speed = np.zeros(1)
    return x, depth, yaw, np.minimum(speed / pace, 1)


def _glance(body_yaw, interest):
    """The head's yaw: towards the camera by a share `interest`, less the more the back is turned to it; radians."""
    from_camera = (body_yaw + np.pi) % (2 * np.pi) - np.pi  # a body may have turned full circle
    return body_yaw - interest * np.cos(from_camera / 2) ** 2 * from_camera


def _stand_up(solid):
    """The same `head.Head` with its arms hanging down and a longer chest.

    The arms turn about the shoulders, blended by the skinning weights; what is below the armpits is stretched.
    """
    baked = np.load(mesh.BAKED / "headbase.npz")
    coarse = solid.coarse.copy()
    for arm, joint, side in (("W_l_arm", "J_joint-l-shoulder", -1), ("W_r_arm", "J_joint-r-shoulder", 1)):
        c, s = math.cos(ARMS_DOWN), side * math.sin(ARMS_DOWN)
        turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
        shoulder = solid.coarse[baked[joint]].mean(0)
        turned = (solid.coarse - shoulder) @ turn.T + shoulder
        coarse += baked[arm][:, None] * (turned - solid.coarse)
    coarse[:, 1] -= (CHEST_STRETCH - 1) * np.maximum(CHEST - coarse[:, 1], 0)
    points = np.ascontiguousarray(mesh.load().subdivide @ coarse)
    return dataclasses.replace(solid, coarse=coarse, points=points)


def _exposure(scene, walker, place):
    """The factor that suits this person, from the light on the face in the first frame."""
    posed = posing.pose(walker.head, walker.sequence, walker.outfit, 0)
    depth = walker.depth[0]
    view = posing.View(height=32, width=32, focal=8 * depth, centre_x=16, centre_y=16, distance=depth)
    incident = drawing.draw(walker.head, walker.sequence, walker.outfit, posed, view, 0)[2]
    return render.auto_exposure(walker.head, place, incident)


def _compose(scene, walkers, walls, picture, index):
    """One frame, from far to near: linear light `(height, width, 3)`, and its rows. `picture` is the background."""
    seen = np.zeros((len(walkers), scene.height, scene.width), np.float32)  # how much of each head each pixel shows
    boxes = {}
    for number, (barrier, barrier_cover) in enumerate(walls):
        present = [track for track in range(len(walkers)) if LANE_OF[track] == number]
        for track in sorted(present, key=lambda track: -walkers[track].depth[index]):
            drawn = _draw(scene, walkers[track], index)
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
            rows.append(_row(scene, walkers[track], index, track, box, float(visible)))
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
    scale = FOCAL * scene.zoom / depth
    aside, up, down = (math.ceil(reach * scale) for reach in REACH)
    left, top = math.floor(column) - aside, math.floor(row) - up
    if left >= scene.width or left + 2 * aside <= 0:
        return None
    width, height = 2 * aside, min(up + down, scene.height - top)
    fine = 4 if scale < 20 else 2  # drawn at several times the size, then reduced: smooth edges
    posed = posing.pose(walker.head, walker.sequence, walker.outfit, index)
    view = posing.View(
        height=height * fine,
        width=width * fine,
        focal=FOCAL * scene.zoom * fine,
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


def _wall(scene, place, lane, rng):
    """A plastered wall with a stone ledge, down to the picture's lower edge.

    Returns:
        linear light `(rows, width, 3)`, weighted by its cover `(rows, width)` in [0, 1].
    """
    zoom = scene.zoom
    rows, width, ledge = scene.height - round(lane.wall * zoom), scene.width, max(1, round(lane.ledge * zoom))
    patch = max(2, round(24 * zoom))
    mottled = rng.normal(size=(rows // patch + 2, width // patch + 2))
    mottled = cv2.resize(mottled, (width, rows), interpolation=cv2.INTER_CUBIC)
    grain = cv2.GaussianBlur(rng.normal(size=(rows, width)), (0, 0), 0.8 * zoom)
    albedo = colour.from_srgb(lane.albedo) * (1 + 0.05 * mottled + 0.06 * zoom * grain)[..., None]
    wall = albedo * _light_on(place, np.array([0, 0, 1.0])) * np.linspace(1.0, 0.8, rows)[:, None, None]
    wall[:ledge] = albedo[:ledge] * _light_on(place, np.array([0, 1.0, 0]))
    wall[ledge : ledge + max(1, ledge // 4)] *= 0.55  # the ledge's shadow
    stone = 12 * lane.ledge * zoom  # length of the stones
    for column in np.arange(rng.uniform(0, stone), width, stone).astype(int):
        wall[:, column : column + max(1, ledge // 6)] *= 0.8
    return wall, np.ones((rows, width))


def _hedge(scene, place, lane, rng):
    """Leaf before leaf, the deeper ones first and in the shade; returned as `_wall` does."""
    fine = 2  # drawn at twice the size
    unit = FOCAL * scene.zoom / lane.depths[0] * fine  # pixels
    width, rows = scene.width * fine, (scene.height - round(lane.wall * scene.zoom)) * fine
    fringe = round(0.5 * unit) // fine * fine  # the uppermost leaves stand above the edge
    leaf = LEAF_LENGTH * unit
    upward = _light_on(place, np.array([0, 1.0, 0]))
    forward = _light_on(place, np.array([0, 0, 1.0]))
    green = colour.from_srgb(LEAF)
    hedge = np.zeros((fringe + rows, width, 3))
    cover = np.zeros((fringe + rows, width))
    inside = fringe + round(0.25 * unit)
    hedge[inside:] = 0.15 * green * forward
    cover[inside:] = 1
    leafy = min(rows, 8 * unit)  # nearer walls hide what is farther below the edge
    edge = cv2.GaussianBlur(rng.normal(size=(1, width)), (0, 0), unit)[0]
    edge *= 0.12 * unit / edge.std()
    for nearness in np.linspace(0, 1, int(LEAVES * width * leafy / leaf**2)):
        x, y = rng.uniform(0, width), rng.uniform(0, leafy)
        below = y / unit  # units, below the edge
        y += fringe + edge[int(x)] - rng.uniform(0, 0.25) * unit
        facing = max(rng.uniform(0, 1), 1 - 1.5 * below)  # 1 upward, 0 forward
        shade = (0.25 + 0.75 * nearness) * (1.15 - 0.6 * min(below / 4, 1)) * np.exp(0.25 * rng.normal())
        tint = green * np.exp([0.15 * rng.normal(), 0, 0.2 * rng.normal()])
        light_on_leaf = tint * shade * (facing * upward + (1 - facing) * forward)
        size = leaf * rng.uniform(0.7, 1.2) / 2
        shape = (round(x), round(y)), (max(1, round(size)), max(1, round(0.45 * size))), rng.uniform(0, 180), 0, 360
        cv2.ellipse(hedge, *shape, light_on_leaf.tolist(), -1)
        cv2.ellipse(cover, *shape, 1, -1)
    size = scene.width, len(hedge) // fine
    hedge = cv2.resize(hedge, size, interpolation=cv2.INTER_AREA)
    return hedge, cv2.resize(cover, size, interpolation=cv2.INTER_AREA)


def _light_on(place, normal):
    """What a white matt surface reflects, `(3,)`: the surroundings' light and the key light's."""
    directions = mesh.load().directions
    cosine = np.maximum(directions @ normal, 0) * (4 / len(directions))
    return cosine @ place.radiance_from(directions) + place.key_colour * max(place.key_direction @ normal, 0) / np.pi


def _film(
    out: Annotated[Path, typer.Option(metavar="FILE", help="The clip, .mp4; a .csv goes beside it.")],
    strip: Annotated[Path | None, typer.Option(metavar="FILE", help="Four frames with their boxes, .png.")] = None,
    size: Annotated[str, typer.Option(help=f"{' or '.join(SIZES)}.")] = SIZES[0],
    fps: Annotated[int, typer.Option(help="Frames per second, 10 to 25.")] = Scene.fps,
    seconds: Annotated[float, typer.Option(help="Duration.")] = Scene.seconds,
    people: Annotated[int, typer.Option(help="How many, 1 to 8.")] = Scene.people,
    seed: Annotated[int, typer.Option(help="Which people, and how they move.")] = 0,
    place: Annotated[str, typer.Option(help="Which panorama.")] = Scene.place,
    overwrite: command.Overwrite = False,
):
    if size not in SIZES:
        raise SceneError(f"--size is {size}; give {' or '.join(SIZES)}.")
    width, height = (int(side) for side in size.split("x"))
    scene = Scene(width, height, fps, seconds, people, seed, place)
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
