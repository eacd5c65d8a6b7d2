"""From a head and a sequence to pictures: pose, draw, expose, and the camera's degradation."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from data_prep.synthetic import accessories, colour, degrade, drawing, light, mesh, posing, sequence
from data_prep.synthetic.head import Head
from data_prep.synthetic.kernels import materials

OCCLUDED = 0.05  # share of the person's pixels


@dataclass(frozen=True)
class Frame:
    """A finished crop.

    Attributes:
        image: uint8 `(size, size, 3)`, RGB.
        parse: uint8 `(size, size)`, what each pixel's centre shows: the codes of `drawing.draw`.
        yaw, pitch, roll: against the camera, in degrees.
        landmarks: float64 `(10, 2)`, columns and rows of `mesh.LANDMARKS`, hidden ones too; the crop's first
            pixel reaches from 0 to 1.
        expression: one of `sequence.EXPRESSIONS`.
        view: the box, as the `posing.View` it was rendered with.
        eyewear, headwear, mask: see `accessories.Worn`.
        occluded: whether something in front hides at least OCCLUDED of the person.
    """

    image: np.ndarray
    parse: np.ndarray
    yaw: float
    pitch: float
    roll: float
    landmarks: np.ndarray
    expression: str
    view: posing.View
    eyewear: str
    headwear: str
    mask: bool
    occluded: bool


def frames(head: Head, shot: sequence.Sequence, original: Head | None = None) -> Iterator[Frame]:
    """Yields the `Frame`s of a sequence in order. The first frame's light sets the exposure of all of them.

    Args:
        head: of the person to see.
        shot: the sequence.
        original: for a twin, the head whose place it takes, and whose box and exposure it gets; else None.
    """
    size = shot.domain.crop_size
    outfit = posing.dress(head, shot)
    framed_outfit = posing.dress(original, shot) if original else outfit
    exposure = None
    for index in range(shot.frames):
        posed = posing.pose(head, shot, outfit, index)
        framed = posing.pose(original, shot, framed_outfit, index) if original else posed
        view = posing.crop_view(original or head, shot, framed, index)
        picture, parse, incident = drawing.draw(head, shot, outfit, posed, view, index)
        if exposure is None:
            if original:
                incident = drawing.draw(original, shot, framed_outfit, framed, view, index)[2]
            exposure = shot.camera.exposure * auto_exposure(original or head, shot.environment, incident)
        picture = np.where((parse > 0)[..., None], picture, _background(shot, view, index))
        picture, occluded = occlude(shot, picture, parse, index)
        picture = colour.expose(picture * exposure * shot.environment.white_balance * shot.camera.cast)
        yield Frame(
            image=degrade.apply(shot.camera, picture, index, size),
            parse=cv2.resize(parse.astype(np.uint8), (size, size), interpolation=cv2.INTER_NEAREST_EXACT),
            yaw=math.degrees(shot.yaw[index]),
            pitch=math.degrees(shot.pitch[index]) + math.degrees(shot.elevation),
            roll=math.degrees(shot.roll[index]),
            landmarks=view.project(posed.points[mesh.load().landmarks])[:, :2] * size / view.width,
            expression=expression_name(shot, index),
            view=view,
            eyewear=shot.worn.eyewear,
            headwear=shot.worn.headwear,
            mask=shot.worn.mask,
            occluded=occluded,
        )


def _background(shot, view, index):
    return shot.environment.background(
        view.height,
        view.width,
        shot.elevation,
        shot.field_of_view,
        shot.background_pan[index],
        shot.background_blur * view.height / 256,
    )


def occlude(shot: sequence.Sequence, picture: np.ndarray, parse: np.ndarray, index: int) -> tuple[np.ndarray, bool]:
    """Puts what passes in front of the person into a picture.

    Args:
        picture: float `(n, n, 3)`, linear light, with its background.
        parse: int32 `(n, n)`; set to `materials.PARSE_OCCLUDER` where something hides the person or the place.

    Returns:
        the new picture, and whether at least OCCLUDED of the person is hidden.
    """
    if shot.occluder is None:
        return picture, False
    person = parse > 0
    cover, albedo = accessories.cover(shot.occluder, index, len(parse))
    hidden = cover > 0.5
    parse[hidden] = materials.PARSE_OCCLUDER
    shade = albedo * shot.environment.radiance.mean((0, 1))
    cover = cover[..., None]
    return picture * (1 - cover) + shade * cover, bool((hidden & person).sum() >= OCCLUDED * person.sum())


def expression_name(shot: sequence.Sequence, index: int) -> str:
    """The strongest expression of a frame."""
    return list(sequence.EXPRESSIONS)[int(shot.expression[index].argmax())]


def auto_exposure(head: Head, environment: light.Environment, incident: np.ndarray) -> float:
    """The factor that brings face and surroundings to a middle grey; dark skin is exposed a little longer."""
    return 0.45 / (0.5 * incident.mean() + 0.5 * environment.radiance.mean()) * (head.skin.tone.mean() / 0.30) ** -0.3
