"""Places without people, and things that look a little like heads: balls, lamps, bowls, signs, posters, hands."""

import math

import cv2
import numpy as np

from data_prep.head_scenes import cutouts
from data_prep.synthetic import colour, light

THINGS = ("ball", "lamp", "bowl", "sign", "poster", "hand", "pot", "chair")


def background(rng: np.random.Generator, size: int, names: tuple[str, ...]) -> np.ndarray:
    """A place: a view of one of the panoramas `names`, a room, or clutter: float32 `(size, size, 3)`, sRGB."""
    kind = rng.choice(["panorama", "room", "clutter"], p=[0.45, 0.35, 0.2])
    if kind == "panorama":
        picture = _panorama(rng, size, names)
    else:
        picture = _room(rng, size) if kind == "room" else _texture(rng, size)
    for _ in range(rng.integers(0, 4 if kind == "panorama" else 14)):
        _clutter(picture, rng)
    grain = _noise(rng, size, 1.0) * rng.uniform(0, 0.03)
    return np.clip(picture + grain[..., None], 0, 1).astype(np.float32)


def thing(rng: np.random.Generator, side: int) -> np.ndarray:
    """Something that is no head: uint8 `(side, side, 4)`, RGB and alpha."""
    fine = 2 * side
    picture = np.zeros((fine, fine, 4), np.uint8)
    kind, tint = rng.choice(THINGS), _tint(rng)
    if rng.random() < 0.3:
        tint = np.array(cutouts.FLESH[rng.integers(len(cutouts.FLESH))], float)
    _DRAW[kind](picture, fine, tint, rng)
    down, across = np.mgrid[:fine, :fine] / fine - 0.5
    turn = rng.uniform(0, 2 * np.pi)
    shade = (
        1
        + rng.uniform(0, 0.8) * (across * math.cos(turn) + down * math.sin(turn))
        + 0.06 * _noise(rng, fine, fine / 12)
    )
    if kind != "lamp":
        picture[..., :3] = np.clip(picture[..., :3] * shade[..., None], 0, 255)
    alpha = picture[..., 3:].astype(np.float32) / 255
    small = cv2.resize(picture[..., :3] * alpha, (side, side), interpolation=cv2.INTER_AREA)
    alpha = cv2.resize(alpha, (side, side), interpolation=cv2.INTER_AREA)
    return np.dstack([np.clip(small / np.maximum(alpha, 1e-3)[..., None], 0, 255), alpha * 255]).astype(np.uint8)


def _tint(rng):
    return rng.uniform(20, 235) * np.exp(rng.normal(0, rng.choice([0.05, 0.2]), 3)).clip(0.4, 1.8)


def _noise(rng, size, smoothness):
    """Smooth noise of standard deviation 1, float32 `(size, size)`."""
    coarse = max(2, math.ceil(size / max(1.0, smoothness)))
    return cv2.resize(rng.normal(size=(coarse, coarse)).astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)


def _panorama(rng, size, names):
    place = light.from_panorama("", light.panoramas()[str(rng.choice(names))], rng)
    elevation = math.radians(rng.choice([rng.normal(3, 6), rng.uniform(5, 50)]))
    view = place.background(size, size, elevation, math.radians(rng.uniform(20, 75)), rng.random(), rng.uniform(0, 1))
    view = view[:, ::-1] if rng.random() < 0.5 else view
    picture = colour.expose(view * place.white_balance * rng.uniform(0.2, 0.7) / max(float(view.mean()), 1e-3))
    detail = sum(_noise(rng, size, s) for s in (1.5, 3, 8)) * rng.uniform(0, 0.04)
    return np.ascontiguousarray(np.clip(picture + detail[..., None], 0, 1), np.float32)


def _texture(rng, size):
    """A surface: smooth noise, bricks, tiles, stripes or leaves, of two colours."""
    first, second = _tint(rng) / 255, _tint(rng) / 255
    kind = rng.choice(["plain", "noise", "tiles", "bricks", "stripes", "leaves"])
    down, across = np.mgrid[:size, :size].astype(np.float32)
    period, joint = rng.uniform(6, 60), rng.uniform(0.03, 0.15)
    if kind == "noise":
        mix = 0.5 + 0.3 * sum(_noise(rng, size, size / 2**k) / 2**k for k in range(1, 6))
    elif kind == "leaves":
        mix = 0.5 + 0.5 * _noise(rng, size, rng.uniform(2, 8))
    elif kind == "stripes":
        turn = rng.choice([0, np.pi / 2, rng.uniform(0, np.pi)])
        mix = 0.5 + rng.uniform(2, 9) * np.sin((across * math.cos(turn) + down * math.sin(turn)) * 2 * np.pi / period)
    elif kind in ("tiles", "bricks"):
        row = down // (period / (2 if kind == "bricks" else 1))
        shift = (row % 2) * period / 2 if kind == "bricks" else 0
        in_row, in_column = down / (period / (2 if kind == "bricks" else 1)) % 1, (across + shift) / period % 1
        mix = ((in_row < joint) | (in_column < joint)).astype(np.float32)
    else:
        mix = np.zeros((size, size), np.float32)
    mix = np.clip(mix, 0, 1)[..., None]
    picture = first * (1 - mix) + second * mix
    uneven = 1 + rng.uniform(0.02, 0.15) * _noise(rng, size, size / 4) + rng.uniform(0, 0.06) * _noise(rng, size, 2)
    return np.ascontiguousarray(np.clip(picture * uneven[..., None], 0, 1), np.float32)


def _room(rng, size):
    """A wall, and a floor that recedes from the camera."""
    picture, floor = _texture(rng, size), _texture(rng, size)
    horizon = round(size * rng.uniform(-0.3, 0.8))
    narrow = rng.uniform(0.2, 0.8) * size
    corners = np.float32([(0, 0), (size, 0), (size, size), (0, size)])
    seen = np.float32(
        [(size / 2 - narrow, horizon), (size / 2 + narrow, horizon), (2.5 * size, size), (-1.5 * size, size)]
    )
    ground = cv2.warpPerspective(
        np.tile(floor, (2, 2, 1)), cv2.getPerspectiveTransform(2 * corners, seen), (size, size), flags=cv2.INTER_AREA
    )
    below = max(0, horizon)
    picture[below:] = ground[below:]
    fade = np.linspace(rng.uniform(0.5, 1.1), rng.uniform(0.7, 1.1), size)[:, None, None]
    return np.ascontiguousarray(np.clip(picture * fade, 0, 1), np.float32)


def _clutter(picture, rng):
    """Draws a rectangle (window, door, box, shelf), a line or a polygon."""
    size = len(picture)
    tint = (_tint(rng) / 255).clip(0, 1).tolist()
    x, y = rng.uniform(-0.1, 1, 2) * size
    w, h = size * np.exp(rng.uniform(-3.2, -0.6, 2))
    kind = rng.choice(["box", "line", "polygon", "grid", "patch"])
    if kind in ("box", "grid"):
        corners = (round(x), round(y)), (round(x + w), round(y + h))
        cv2.rectangle(picture, *corners, tint, -1 if kind == "box" or rng.random() < 0.5 else 2)
        if kind == "grid":
            dark = (_tint(rng) / 255 * 0.6).tolist()
            for k in range(1, rng.integers(2, 6)):
                cv2.line(picture, (round(x), round(y + k * h / 5)), (round(x + w), round(y + k * h / 5)), dark, 1)
                cv2.line(picture, (round(x + k * w / 5), round(y)), (round(x + k * w / 5), round(y + h)), dark, 1)
    elif kind == "line":
        end = round(x + rng.normal(0, size / 3)), round(y + rng.normal(0, size / 3))
        cv2.line(picture, (round(x), round(y)), end, tint, int(rng.integers(1, 7)), cv2.LINE_AA)
    elif kind == "polygon":
        points = np.round(np.array([x, y]) + rng.normal(0, 1, (rng.integers(3, 7), 2)) * [w, h]).astype(np.int32)
        cv2.fillPoly(picture, [points], tint, cv2.LINE_AA)
    else:
        side = max(4, round(w))
        patch = _texture(rng, side)
        left, top = (int(np.clip(v, 0, size - 1)) for v in (x, y))
        there = picture[top : top + side, left : left + side]
        there[:] = patch[: there.shape[0], : there.shape[1]]


def _ellipse(picture, centre, axes, tint, turn=0.0):
    centre, axes = (tuple(int(round(v)) for v in pair) for pair in (centre, axes))
    cv2.ellipse(picture, centre, axes, turn, 0, 360, (*np.clip(tint, 0, 255).tolist(), 255), -1, cv2.LINE_AA)


def _ball(picture, n, tint, rng):
    _ellipse(picture, (n / 2, n / 2), (0.42 * n, 0.42 * n), tint)
    if rng.random() < 0.5:
        for _ in range(rng.integers(1, 6)):
            _ellipse(picture, n / 2 + rng.normal(0, 0.15 * n, 2), (0.1 * n, 0.08 * n), _tint(rng), rng.uniform(0, 180))
    if rng.random() < 0.5:
        _ellipse(picture, (0.36 * n, 0.34 * n), (0.07 * n, 0.06 * n), np.full(3, 250.0))


def _lamp(picture, n, tint, rng):
    glow = np.clip(200 + 0.4 * tint, 0, 255)
    if rng.random() < 0.5:
        _ellipse(picture, (n / 2, n / 2), (0.4 * n, rng.uniform(0.2, 0.42) * n), glow)
        _ellipse(picture, (n / 2, n / 2), (0.25 * n, 0.25 * n), np.full(3, 255.0))
    else:  # a shade on a pole
        cv2.line(picture, (n // 2, n // 2), (n // 2, n), (60, 60, 60, 255), max(2, n // 24), cv2.LINE_AA)
        shade = np.array([(0.36, 0.15), (0.64, 0.15), (0.82, 0.6), (0.18, 0.6)]) * n
        cv2.fillPoly(picture, [shade.astype(np.int32)], (*glow.tolist(), 255), cv2.LINE_AA)


def _bowl(picture, n, tint, rng):
    _ellipse(picture, (n / 2, 0.45 * n), (0.42 * n, 0.4 * n), tint)
    picture[: int(0.45 * n)] = 0
    _ellipse(picture, (n / 2, 0.45 * n), (0.42 * n, rng.uniform(0.06, 0.16) * n), tint * rng.uniform(0.4, 0.9))


def _sign(picture, n, tint, rng):
    _ellipse(picture, (n / 2, n / 2), (0.44 * n, 0.44 * n), tint)
    _ellipse(picture, (n / 2, n / 2), (0.33 * n, 0.33 * n), _tint(rng))
    text = "".join(rng.choice(list("0123456789PSHAEX!?"), rng.integers(1, 3)))
    place = round(n * (0.5 - 0.14 * len(text))), round(0.62 * n)
    cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, n / 64, (20, 20, 20, 255), max(1, n // 20), cv2.LINE_AA)


def _poster(picture, n, tint, rng):
    half = rng.uniform(0.2, 0.45)
    left, right = round(n * (0.5 - half)), round(n * (0.5 + half))
    cv2.rectangle(picture, (left, round(0.05 * n)), (right, round(0.95 * n)), (*tint.clip(0, 255).tolist(), 255), -1)
    for _ in range(rng.integers(2, 7)):
        x, y, ink = rng.uniform(left, right), rng.uniform(0.1, 0.9) * n, _tint(rng).clip(0, 255).tolist()
        if rng.random() < 0.5:
            end = round(min(x + 0.4 * n, right)), round(y)
            cv2.line(picture, (round(x), round(y)), end, (*ink, 255), max(1, n // 24))
        else:
            corner = min(right, round(x + 0.2 * n)), round(min(y + 0.15 * n, 0.95 * n))
            cv2.rectangle(picture, (round(x), round(y)), corner, (*ink, 255), -1)


def _hand(picture, n, tint, rng):
    skin = np.array(cutouts.FLESH[rng.integers(len(cutouts.FLESH))]) * rng.uniform(0.8, 1.1)
    turn = rng.uniform(0, 2 * np.pi)
    bent = rng.uniform(0.3, 1)
    for k in range(5):
        angle = turn + (k - 2) * 0.28 * (1 if k else 1.7)
        tip = n / 2 + 0.42 * n * bent * np.array([math.cos(angle), math.sin(angle)])
        ends = (n // 2, n // 2), tuple(int(v) for v in tip)
        cv2.line(picture, *ends, (*(skin * rng.uniform(0.9, 1)).tolist(), 255), max(2, n // 10), cv2.LINE_AA)
    wrist = n / 2 - 0.5 * n * np.array([math.cos(turn), math.sin(turn)])
    ends = (n // 2, n // 2), tuple(int(v) for v in wrist)
    cv2.line(picture, *ends, (*skin.tolist(), 255), max(3, n // 5), cv2.LINE_AA)
    _ellipse(picture, (n / 2, n / 2), (0.2 * n, 0.17 * n), skin, rng.uniform(0, 180))


def _pot(picture, n, tint, rng):
    pot = np.array([(0.25, 0.55), (0.75, 0.55), (0.66, 0.95), (0.34, 0.95)]) * n
    cv2.fillPoly(picture, [pot.astype(np.int32)], (*tint.clip(0, 255).tolist(), 255), cv2.LINE_AA)
    green = np.array([50, 85, 40]) * rng.uniform(0.6, 1.6)
    for _ in range(25):
        leaf = (rng.uniform(0.04, 0.12) * n, rng.uniform(0.02, 0.05) * n)
        place = n * (np.array([0.5, 0.35]) + rng.normal(0, 0.13, 2))
        _ellipse(picture, place, leaf, green * rng.uniform(0.6, 1.3), rng.uniform(0, 180))


def _chair(picture, n, tint, rng):
    ink = (*tint.clip(0, 255).tolist(), 255)
    cv2.rectangle(picture, (round(0.25 * n), round(0.05 * n)), (round(0.75 * n), round(0.5 * n)), ink, -1)
    cv2.rectangle(picture, (round(0.22 * n), round(0.55 * n)), (round(0.78 * n), round(0.66 * n)), ink, -1)
    for x in (0.25, 0.75):
        cv2.line(picture, (round(x * n), round(0.5 * n)), (round(x * n), n), ink, max(2, n // 24))


_DRAW = {
    "ball": _ball, "lamp": _lamp, "bowl": _bowl, "sign": _sign, "poster": _poster, "hand": _hand, "pot": _pot,
    "chair": _chair,
}  # fmt: skip
