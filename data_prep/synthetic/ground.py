"""What is filmed: the scene, its camera, and the lanes of its ground."""

import dataclasses
import math

import numpy as np

from data_prep.synthetic import light
from uunet.errors import UUNetError

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


class SceneError(UUNetError):
    """A scene is impossible."""


@dataclasses.dataclass(frozen=True)
class Scene:
    """What to film.

    Attributes:
        width, height: pixels, even.
        fps: frames per second, 10 to 25.
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
    def frames(self) -> int:
        """Number of frames."""
        return round(self.fps * self.seconds)

    @property
    def times(self) -> np.ndarray:
        """Of the frames: float64 `(frames,)`, seconds."""
        return np.arange(self.frames) / self.fps

    @property
    def zoom(self) -> float:
        """Pixels of this picture in one of a picture 480 pixels high."""
        return self.height / 480

    @property
    def subjects(self) -> range:
        """The identities' seeds; the position is the track."""
        first = FIRST_IDENTITY + MOST_PEOPLE * self.seed
        return range(first, first + self.people)


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
