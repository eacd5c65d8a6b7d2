"""The people of a scene: who they are, how they walk, where they look."""

import dataclasses
import math

import numpy as np
from scipy.ndimage import gaussian_filter1d

from data_prep.synthetic import ground, head, identity, light, mesh, posing, sequence

REACH = 3.0, 2.6, 5.0  # units: from the eyes to the side, up and down, nothing of a person is farther away
STATURE = 0.4  # units, the most that somebody is taller or smaller than the average
ARMS_DOWN = math.radians(32)  # the mesh stands with its arms spread
CHEST, CHEST_STRETCH = 5.0, 5.0  # the mesh ends below the chest: what is below this height (units) is made longer
SHORTEST_STORY = 4.0  # seconds that a person needs to enter and to leave; shorter clips are quickened


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


def sample(scene: ground.Scene, place: light.Environment, track: int, rng: np.random.Generator) -> Walker:
    """The `Walker` of a track in a place."""
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
        elevation=math.atan(ground.CAMERA_HEIGHT / depth.mean()),
        distance=float(depth.mean()),
        yaw=_glance(body_yaw, rng.uniform(0.5, 0.9)) + np.radians(wave(14, 3.4)),
        pitch=np.radians(wave(4, 2.7)),
        roll=np.radians(wave(2.5, 3.1)),
        body_yaw=body_yaw + np.radians(wave(4, 2.0)),
        body_tilt=np.radians(wave(1.2, 1.1)),
        gaze=np.stack([wave(0.08, 2.3), wave(0.03, 1.9)], 1),
        expression=smile,
    )
    scale = ground.FOCAL * scene.zoom / depth
    horizon = scene.height / 2 * (1 - math.tan(ground.ELEVATION) / math.tan(ground.FIELD_OF_VIEW / 2))
    bob = 0.12 * stride * np.abs(np.sin(np.pi * (1.8 * scene.times + rng.random())))  # 1.8 steps a second
    stature = rng.uniform(-STATURE, STATURE) / 2 + STATURE / 2 * (1 if person.gender == "male" else -1)
    solid = stand_up(head.build(person))
    return Walker(
        head=solid,
        sequence=shot,
        outfit=posing.dress(solid, shot),
        column=scene.width / 2 + (x + wave(0.04, 1.1)) * scale,
        row=horizon + (ground.CAMERA_HEIGHT - stature - bob) * scale,
        depth=depth,
    )


class _Way:
    """Where a person goes, one act after the other.

    Attributes:
        route: list of (time in seconds, x, depth, yaw of the body in radians), in order; x and depth are in units.
        pace: units per second.
    """

    def __init__(self, x, depth, yaw, pace):
        self.route, self.pace = [(0.0, x, depth, yaw)], pace

    def turn(self, yaw, seconds, pause):
        """Turns on the spot, then stands."""
        t, x, depth, before = self.route[-1]
        yaw = before + (yaw - before + np.pi) % (2 * np.pi) - np.pi  # the shorter way
        self.route.extend([(t + seconds, x, depth, yaw), (t + seconds + pause, x, depth, yaw)])

    def walk(self, x, depth):
        """Turns while setting off."""
        t, from_x, from_depth, before = self.route[-1]
        seconds = math.hypot(x - from_x, depth - from_depth) / self.pace
        yaw = math.atan2(x - from_x, from_depth - depth)
        yaw = before + (yaw - before + np.pi) % (2 * np.pi) - np.pi
        share = min(0.35 / seconds, 0.5)
        on_the_way = from_x + share * (x - from_x), from_depth + share * (depth - from_depth)
        self.route.extend([(t + share * seconds, *on_the_way, yaw), (t + seconds, x, depth, yaw)])


def _route(scene, track, rng):
    """How a person moves: x and depth in units, the body's yaw in radians, and how much it walks, in [0, 1].

    Of three people the first enters, stands a while and leaves; the second stands, turns its back and walks about;
    the third crosses the picture. Each begins again until the clip ends. The depths of two people never meet.
    """
    lane = ground.LANES[ground.LANE_OF[track]]
    sharing = [other for other in range(ground.MOST_PEOPLE) if ground.LANE_OF[other] == ground.LANE_OF[track]]
    edges = np.linspace(*lane.depths, len(sharing) + 1)
    place = sharing.index(track)
    spare = 0.2 * (edges[1] - edges[0])
    pace = rng.uniform(10.5, 13.5)  # units per second
    side = float(rng.choice([-1, 1]))

    def half_width(depth):
        return scene.width / 2 * depth / (ground.FOCAL * scene.zoom)

    def station():
        depth = rng.uniform(edges[place] + spare, edges[place + 1] - spare)
        return rng.uniform(-0.55, 0.55) * half_width(depth), depth

    def outside(side):
        depth = rng.uniform(edges[place] + spare, edges[place + 1] - spare)
        return side * (half_width(depth) + REACH[0]), depth

    act = track % 3
    start = station() if act == 1 else outside(side)
    way = _Way(*start, rng.uniform(-0.3, 0.3) if act == 1 else -side * np.pi / 2, pace)
    begun = rng.uniform(0, 3) if track > 2 else 0  # the first three begin with the clip
    while way.route[-1][0] < max(scene.seconds, SHORTEST_STORY) + begun:
        if act == 0:
            way.walk(*station())
            way.turn(rng.uniform(-0.4, 0.4), 0.4, rng.uniform(0.5, 1.2))
            side = float(rng.choice([-1, 1]))
            way.walk(*outside(side))
        elif act == 1:
            way.turn(rng.uniform(-0.3, 0.3), 0.1, rng.uniform(0.1, 0.5))
            way.turn(float(rng.choice([-1, 1])) * rng.uniform(2.9, np.pi), 0.8, rng.uniform(0.4, 0.9))
            way.turn(rng.uniform(-0.3, 0.3), 0.8, rng.uniform(0.3, 1.0))
            way.walk(*station())
            continue
        else:
            side = -side
            way.walk(*outside(side))
        way.turn(-side * np.pi / 2, 0.3, rng.uniform(0.2, 0.8))  # out of sight
    x, depth, yaw = _sampled(scene, way.route, begun)
    if scene.frames > 1:
        speed = np.hypot(np.gradient(x), np.gradient(depth)) * scene.fps
    else:
        speed = np.zeros(1)
    return x, depth, yaw, np.minimum(speed / pace, 1)


def _sampled(scene, route, begun):
    """x, depth and yaw in each frame, smoothed.

    Args:
        route: list of (time, x, depth, yaw).
        begun: time at which the clip starts.
    """
    times, *curves = np.array(route).T
    times = (times - begun) * min(1, scene.seconds / SHORTEST_STORY)
    return [
        gaussian_filter1d(np.interp(scene.times, times, curve), 0.12 * scene.fps, mode="nearest") for curve in curves
    ]


def _glance(body_yaw, interest):
    """The head's yaw: towards the camera by a share `interest`, less the more the back is turned to it; radians."""
    from_camera = (body_yaw + np.pi) % (2 * np.pi) - np.pi  # a body may have turned full circle
    return body_yaw - interest * np.cos(from_camera / 2) ** 2 * from_camera


def stand_up(solid):
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
