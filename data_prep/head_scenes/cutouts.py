"""People with transparent surroundings: rendered ones, seen from all sides and with a body, and photographs of LFW."""

import dataclasses
import math
from pathlib import Path

import cv2
import numpy as np

from data_prep import lfw
from data_prep.synthetic import colour, domain, drawing, head, identity, posing, render, scene, sequence, walkers

NEAR, FAR = 60.0, 26.0  # pixels per unit (a head is about 2.7 units high) of the two renderings of a person
BODY = 10.5  # units, what is added below the chest: hips and legs
HIPS, LEGS = 2.6, 10.0  # units below the chest
TROUSERS = ((28, 30, 38), (45, 55, 85), (70, 70, 72), (120, 105, 85), (22, 22, 22), (150, 145, 135))
FLESH = ((224, 186, 160), (196, 148, 116), (140, 98, 72), (92, 62, 46))
LFW_MARGIN = scene.MARGIN  # an LFW head box of `data_prep.lfw` is so many times the head's height
LFW_ASPECT = 0.78  # width of a head over its height


@dataclasses.dataclass(frozen=True)
class Cutout:
    """Somebody to be put into a picture.

    Attributes:
        rgba: uint8 `(h, w, 4)`, sRGB, not multiplied by the alpha.
        head: uint8 `(h, w)`, how much of each pixel is head, 255 is all.
        box: float64 `(4,)`, (x, y, w, h) of the head: skull and hair.
        unsure: float64 `(n, 4)`, boxes in which there may be further heads.
    """

    rgba: np.ndarray
    head: np.ndarray
    box: np.ndarray
    unsure: np.ndarray


def person(seed: int) -> head.Head:
    """The person of a seed with hanging arms and a long chest (about 0.9 s)."""
    return walkers.stand_up(head.build(identity.sample(seed)))


def rendered(solid: head.Head, seed: int, *, near: bool) -> Cutout:
    """A person in random light, clothes and pose, from any side and from the front or above, down to the feet.

    Args:
        solid: of `person`.
        seed: of everything random.
        near: whether for heads of up to 160 pixels; else for up to 70.
    """
    rng = np.random.default_rng([seed, 1])
    kind = domain.DOMAINS[str(rng.choice(["cctv", "indoor"]))]
    shot = sequence.sample(solid.identity, int(rng.integers(1 << 31)), 1, kind)
    yaw = rng.uniform(-np.pi, np.pi)
    body = yaw + math.radians(rng.normal(0, 25))
    shot = dataclasses.replace(
        shot,
        elevation=math.radians(min(50, abs(rng.normal(0, 18)))),
        distance=float(np.exp(rng.uniform(math.log(20), math.log(90)))),
        yaw=np.array([yaw]),
        body_yaw=np.array([body]),
        pitch=np.radians([rng.normal(-2, 8) - (rng.random() < 0.2) * rng.uniform(10, 30)]),
        roll=np.radians([rng.normal(0, 5)]),
    )
    outfit = posing.dress(solid, shot)
    posed = posing.pose(solid, shot, outfit, 0)
    scale, fine = (NEAR, 1) if near else (FAR, 2)
    aside, up, down = (math.ceil(reach * scale) for reach in walkers.REACH)
    view = posing.View(
        height=(up + down) * fine,
        width=2 * aside * fine,
        focal=shot.distance * scale * fine,
        centre_x=aside * fine,
        centre_y=(up + scene.EYE_HEIGHT * scale) * fine,
        distance=shot.distance,
    )
    layer, parse, incident = drawing.draw(solid, shot, outfit, posed, view, 0)
    cover = (parse > 0).astype(np.float32)
    low, high = (
        edge * view.focal + (view.centre_x, view.centre_y) for edge in posing.head_extent(solid, posed, shot.distance)
    )
    (left, top), (right, bottom) = np.maximum(np.round([low, high]).astype(int), 0)
    of_head = np.zeros_like(cover)
    of_head[top:bottom, left:right] = ((parse > 0) & (parse != scene.CLOTH))[top:bottom, left:right]
    exposure = render.auto_exposure(solid, shot.environment, incident) * shot.environment.white_balance
    shown = colour.expose(layer * exposure).astype(np.float32)
    size = 2 * aside, up + down
    premultiplied, cover, of_head = (
        cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in (shown * cover[..., None], cover, of_head)
    )
    rgb = premultiplied / np.maximum(cover, 1e-3)[..., None]
    rgba = np.round(np.clip(np.dstack([rgb, cover]), 0, 1) * 255).astype(np.uint8)
    rgba = _with_body(rgba, scale, math.cos(shot.elevation), rng)
    grown = np.zeros(rgba.shape[:2], np.uint8)
    grown[: up + down] = np.round(of_head * 255)
    return Cutout(rgba, grown, np.array([*low, *(high - low)]) / fine, np.zeros((0, 4)))


def _with_body(rgba, scale, foreshortened, rng):
    """Adds hips, legs, forearms and hands below the chest, roughly: they are seen small, or not at all."""
    rows, width = rgba.shape[:2]
    bottom = np.flatnonzero(rgba[-4:, :, 3].min(0) > 128)
    canvas = np.concatenate([rgba, np.zeros((round(BODY * scale * foreshortened), width, 4), np.uint8)])
    if len(bottom) < 2:
        return canvas
    left, right = bottom[0], bottom[-1]
    middle, half = (left + right) / 2, (right - left) / 2
    cloth = rgba[-4:, left:right][rgba[-4:, left:right, 3] > 128][:, :3].mean(0)
    trousers = np.array(TROUSERS[rng.integers(len(TROUSERS))]) * rng.uniform(0.6, 1.2)
    unit = scale * foreshortened  # pixels downwards
    hip_half = min(half, 1.9 * scale)

    def fill(points, tint):
        points = np.round(np.array(points) * 16).astype(np.int32)
        tint = [float(v) for v in np.clip(tint * rng.uniform(0.85, 1.1), 0, 255)]
        cv2.fillPoly(canvas, [points], (*tint, 255), cv2.LINE_AA, 4)

    skin = np.array(FLESH[rng.integers(len(FLESH))])
    stride, leg = rng.uniform(0, 1.6) * scale, 0.85 * scale
    for side in (-1, 1):
        hip, foot = middle + side * 0.9 * scale, middle + side * (0.7 * scale + stride / 2)
        top, ankle = rows + (HIPS - 0.6) * unit, rows + LEGS * unit * rng.uniform(0.93, 1)
        fill(
            [(hip - leg * 1.1, top), (hip + leg * 1.1, top), (foot + leg * 0.6, ankle), (foot - leg * 0.6, ankle)],
            trousers,
        )
        fill(
            [(foot - 0.6 * scale, ankle - 0.2 * unit), (foot + 0.6 * scale, ankle - 0.2 * unit),
             (foot + 0.7 * scale, ankle + 0.4 * unit), (foot - 0.7 * scale, ankle + 0.4 * unit)],
            np.array([25.0, 25, 28]),
        )  # fmt: skip
    fill(
        [(middle - hip_half, rows - 2), (middle + hip_half, rows - 2), (middle + 1.75 * scale, rows + HIPS * unit),
         (middle - 1.75 * scale, rows + HIPS * unit)],
        cloth,
    )  # fmt: skip
    if half > 2.2 * scale:
        for side in (-1, 1):
            outer, swing = middle + side * (half - 0.45 * scale), rng.uniform(-0.6, 0.4) * scale
            wrist = outer + side * swing, rows + rng.uniform(1.0, 2.0) * unit
            fill(
                [(outer - 0.5 * scale, rows - 2), (outer + 0.5 * scale, rows - 2), (wrist[0] + 0.35 * scale, wrist[1]),
                 (wrist[0] - 0.35 * scale, wrist[1])],
                cloth * 0.9,
            )  # fmt: skip
            hand = tuple(int(v) for v in np.round(wrist))
            cv2.circle(canvas, hand, max(1, round(0.42 * scale)), (*skin.tolist(), 255), -1, cv2.LINE_AA)
    below = slice(rows - 2, None)
    shade = cv2.GaussianBlur(rng.normal(size=canvas[below].shape[:2]).astype(np.float32), (0, 0), 0.5 * scale)
    shade = 1 + 0.12 * shade / max(float(shade.std()), 1e-6)
    canvas[below, :, :3] = np.clip(canvas[below, :, :3] * shade[..., None], 0, 255)
    return canvas


def headless(one: Cutout) -> Cutout:
    """The same without head, neck, shoulders and hanging hair: a body that has no head."""
    x, y, w, h = one.box
    rgba = one.rgba.copy()
    rgba[: max(0, round(y + h * 1.5))] = 0
    return Cutout(rgba, np.zeros_like(one.head), np.zeros(4), np.zeros((0, 4)))


def photograph(path: Path, place: tuple | None, rng: np.random.Generator) -> Cutout:
    """A photograph of LFW: as it is, with soft edges, or head and shoulders alone.

    Args:
        path: of the photograph.
        place: the head box of `data_prep.lfw` in it; None: where it is on average.
        rng: what the edges are drawn from.
    """
    rgb = cv2.imread(str(path))[..., ::-1]
    height, width = rgb.shape[:2]
    x, y, w, h = place or lfw.centre(height, width)
    tall = max(w, h) / LFW_MARGIN
    wide = LFW_ASPECT * tall
    box = np.array([x + w / 2 - wide / 2, y + h / 2 - tall / 2, wide, tall])
    of_head = np.zeros((height, width), np.uint8)
    centre_x, centre_y = x + w / 2, y + h / 2
    middle = round(centre_x), round(centre_y)
    cv2.ellipse(of_head, middle, (round(wide / 2), round(tall / 2)), 0, 0, 360, 255, -1)
    alpha, unsure = np.full((height, width), 255, np.uint8), np.zeros((0, 4))
    edges = rng.choice(["whole", "soft", "bust"], p=[0.4, 0.15, 0.45])
    if edges == "bust":
        alpha[:] = 0
        cv2.ellipse(
            alpha, (round(centre_x), round(centre_y)), (round(wide * 0.6), round(tall * 0.56)), 0, 0, 360, 255, -1
        )
        neck, shoulder = centre_y + tall * 0.42, min(centre_y + tall * 0.75, height)
        corners = (-0.45, neck), (0.45, neck), (1.2, shoulder), (1.2, height), (-1.2, height), (-1.2, shoulder)
        outline = [(centre_x + wide * aside, row) for aside, row in corners]
        cv2.fillPoly(alpha, [np.round(outline).astype(np.int32)], 255, cv2.LINE_AA)
        alpha = cv2.GaussianBlur(alpha, (0, 0), 2.5)
    else:  # there may be others in the background
        left, right = box[0] - 0.1 * wide, box[0] + 1.1 * wide
        unsure = np.array([(0, 0, left, height), (right, 0, width - right, height)])
        if edges == "soft":
            alpha[:] = 0
            alpha[12:-12, 12:-12] = 255
            alpha = cv2.GaussianBlur(alpha, (0, 0), 6)
    return Cutout(np.dstack([rgb, alpha]), of_head, box, unsure)
