"""Puts people and things into a place, and films them with a camera that may be poor."""

import dataclasses
import math

import cv2
import numpy as np

from data_prep.head_scenes import cutouts, places
from data_prep.head_scenes.cutouts import Cutout

SIZE = 256  # pixels, side of a picture
VISIBLE, UNSURE = 0.4, 0.05  # shares of a head: seen well enough to be one; below the second, not seen at all
SMALLEST = 7.0  # pixels, longer side; what is smaller is neither a head nor none
HEADS = 8, 190  # pixels, longer side of a head: the smallest and the largest
MOST = 14  # people in a picture


@dataclasses.dataclass(frozen=True)
class Cast:
    """Whom and what a picture may show.

    Attributes:
        near, far: lists of Cutout: rendered people, for large heads and for small ones.
        photographs: list of Cutout; may be empty.
        places: names of panoramas.
    """

    near: list
    far: list
    photographs: list
    places: tuple[str, ...]


@dataclasses.dataclass
class Picture:
    """A picture in the making.

    Attributes:
        rgb: float32 `(SIZE, SIZE, 3)`, sRGB in [0, 1].
        seen: list of float32 `(SIZE, SIZE)`, how much of each head each pixel shows.
        whole: list of float, what that would sum up to if nothing hid the head.
        boxes: list of (x, y, w, h), of each head.
        unsure: list of (x, y, w, h), where there may be further heads.
    """

    rgb: np.ndarray
    seen: list
    whole: list
    boxes: list
    unsure: list


def make(rng: np.random.Generator, cast: Cast) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A picture and its heads.

    One in seven has no head; most have one to four, some a crowd. Large heads are rarer than small ones.

    Returns:
        uint8 `(SIZE, SIZE, 3)`, RGB; float64 `(n, 4)`, heads; float64 `(m, 4)`, boxes to ignore.
    """
    picture = Picture(places.background(rng, SIZE, cast.places), [], [], [], [])
    low, high = (math.log(one) for one in HEADS)
    base = math.exp(low + (high - low) * rng.beta(1.1, 1.5))
    count = 0 if rng.random() < 1 / 7 else min(int(rng.geometric(rng.choice([0.5, 0.12]))), MOST)
    count = min(count, max(1, round(0.35 * (SIZE / base) ** 2))) if count else 0
    real = len(cast.photographs) > 0 and rng.random() < 0.45
    for _ in range(rng.integers(0, 6) if count else rng.integers(2, 12)):
        _put_thing(picture, cast, base, rng)
    tilt = rng.uniform(0, 0.8)  # how much larger people are below, where they are nearer
    for middle in np.sort(rng.uniform(0.02, 0.98 if base > 40 else 0.85, count)):
        size = base * math.exp(rng.normal(0, 0.12)) * (1 + tilt * (middle - 0.5))
        photograph = real and rng.random() < 0.75
        people = cast.photographs if photograph else cast.near if size > 45 else cast.far
        one = _varied(people[rng.integers(len(people))], rng)
        place = rng.uniform(0.0, 1.0) * SIZE, middle * SIZE
        _put(picture, one, min(size, HEADS[1]) / one.box[2:].max(), place)
        if rng.random() < 0.15:
            _put_thing(picture, cast, base, rng)
    if rng.random() < 0.3:
        _put_barrier(picture, rng)
    return film(picture.rgb, rng), *_truth(picture)


def _truth(picture):
    """The heads that are seen well enough, and the boxes to ignore, both cut at the edge."""
    heads, ignored = [], [*picture.unsure]
    for seen, whole, (x, y, w, h) in zip(picture.seen, picture.whole, picture.boxes, strict=True):
        visible = seen.sum() / max(whole, 1e-6)
        left, top, right, bottom = max(0.0, x), max(0.0, y), min(SIZE, x + w), min(SIZE, y + h)
        if visible < UNSURE or right <= left or bottom <= top:
            continue
        box = left, top, right - left, bottom - top
        (heads if visible >= VISIBLE and max(w, h) >= SMALLEST else ignored).append(box)
    return np.array(heads).reshape(-1, 4), np.array(ignored).reshape(-1, 4)


def _varied(one, rng):
    """The same, perhaps mirrored, and in another brightness and tint."""
    rgba, of_head, box, unsure = one.rgba, one.head, one.box, one.unsure
    if rng.random() < 0.5:
        width = rgba.shape[1]
        rgba, of_head = rgba[:, ::-1], of_head[:, ::-1]
        box = np.array([width - box[0] - box[2], *box[1:]])
        unsure = np.array([(width - x - w, y, w, h) for x, y, w, h in unsure]).reshape(-1, 4)
    tint = rng.uniform(0.6, 1.25) * np.exp(rng.normal(0, 0.04, 3))
    rgb = np.clip(rgba[..., :3] * tint, 0, 255).astype(np.uint8)
    return Cutout(np.dstack([rgb, rgba[..., 3]]), of_head, box, unsure)


def _put(picture, one, scale, place):
    """Puts somebody into the picture, so many times as large, with the head's centre in (x, y)."""
    x, y, w, h = one.box * scale
    left, top = round(place[0] - x - w / 2), round(place[1] - y - h / 2)
    size = tuple(max(1, round(scale * side)) for side in one.rgba.shape[1::-1])
    scale_x, scale_y = size[0] / one.rgba.shape[1], size[1] / one.rgba.shape[0]
    of_head = cv2.resize(one.head, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    window = _paste(picture, one.rgba, size, (left, top))
    seen = np.zeros((SIZE, SIZE), np.float32)
    if window:
        inner, outer = window
        seen[outer] = of_head[inner]
    box = one.box * (scale_x, scale_y, scale_x, scale_y)
    picture.seen.append(seen)
    picture.whole.append(float(of_head.sum()))
    picture.boxes.append((box[0] + left, box[1] + top, box[2], box[3]))
    for unsure in one.unsure * (scale_x, scale_y, scale_x, scale_y):
        picture.unsure.append((unsure[0] + left, unsure[1] + top, unsure[2], unsure[3]))


def _paste(picture, rgba, size, corner):
    """Resizes and pastes; hides the heads behind. Returns slices of what is pasted and of where, or None."""
    alpha = rgba[..., 3:].astype(np.float32) / 255
    way = cv2.INTER_AREA if size[0] < rgba.shape[1] else cv2.INTER_LINEAR
    layer = cv2.resize(rgba[..., :3].astype(np.float32) / 255 * alpha, size, interpolation=way)
    cover = cv2.resize(alpha, size, interpolation=way)
    left, top = corner
    first, last = max(left, 0), min(left + size[0], SIZE)
    upper, lower = max(top, 0), min(top + size[1], SIZE)
    if first >= last or upper >= lower:
        return None
    inner = slice(upper - top, lower - top), slice(first - left, last - left)
    outer = slice(upper, lower), slice(first, last)
    bare = 1 - cover[inner]
    picture.rgb[outer] = picture.rgb[outer] * bare[..., None] + layer[inner]
    for seen in picture.seen:
        seen[outer] *= bare
    return inner, outer


def _put_thing(picture, cast, base, rng):
    """Puts a thing, or a body without a head, anywhere."""
    side = int(np.clip(base * math.exp(rng.normal(0.1, 0.5)), 6, SIZE))
    place = rng.uniform(0, SIZE, 2)
    if rng.random() < 0.15:
        body = _varied(cast.far[rng.integers(len(cast.far))], rng)
        scale = side / body.box[3]
        size = tuple(max(1, round(scale * n)) for n in body.rgba.shape[1::-1])
        _paste(picture, cutouts.headless(body).rgba, size, tuple(np.round(place).astype(int) - size[0] // 2))
    else:
        corner = tuple(int(v) for v in np.round(place - side / 2))
        _paste(picture, places.thing(rng, side), (side, side), corner)


def _put_barrier(picture, rng):
    """Puts a wall, a pole or a counter in front."""
    surface = np.dstack([places.background(rng, SIZE, ("p_sunset",)) * 255, np.full((SIZE, SIZE), 255.0)])
    mask = np.zeros((SIZE, SIZE), np.uint8)
    if rng.random() < 0.5:
        cv2.rectangle(mask, (0, round(SIZE * rng.uniform(0.5, 0.95))), (SIZE, SIZE), 255, -1)
    else:
        x, half = rng.uniform(0, SIZE), rng.uniform(2, 20)
        lean = rng.normal(0, 10)
        outline = [(x - half, 0), (x + half, 0), (x + half + lean, SIZE), (x - half + lean, SIZE)]
        cv2.fillPoly(mask, [np.round(outline).astype(np.int32)], 255, cv2.LINE_AA)
    surface[..., 3] = mask
    _paste(picture, surface.astype(np.uint8), (SIZE, SIZE), (0, 0))


def film(rgb: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What a camera makes of a picture: day or night, blur, few pixels, noise, grey, compression.

    Args:
        rgb: float32 `(n, n, 3)`, sRGB in [0, 1].
        rng: what the camera is drawn from.

    Returns:
        uint8, same shape.
    """
    n = len(rgb)
    quality = rng.beta(1.6, 1.1)  # 1 is a good camera
    x = cv2.GaussianBlur(rgb, (0, 0), 0.3 + 0.9 * (1 - quality) * rng.random())
    if rng.random() < 0.15:
        length, angle = rng.uniform(2, 7), rng.uniform(0, np.pi)
        kernel = np.zeros((9, 9), np.float32)
        reach = np.array([math.cos(angle), math.sin(angle)]) * length / 2
        ends = (tuple(int(round(v)) for v in 4 + sign * reach) for sign in (-1, 1))
        cv2.line(kernel, *ends, 1.0)
        x = cv2.filter2D(x, -1, kernel / kernel.sum())
    small = n
    if rng.random() < 0.3:
        small = round(n * rng.uniform(0.5, 1))
        x = cv2.resize(x, (small, small), interpolation=cv2.INTER_AREA)
    night = rng.random() < 0.2
    x = x * (rng.uniform(0.25, 0.6) if night else rng.uniform(0.75, 1.25)) * np.exp(rng.normal(0, 0.05, 3))
    x = np.clip(x, 0, 1) ** rng.uniform(0.8, 1.3)
    grey = x @ np.array([0.299, 0.587, 0.114])
    x = grey[..., None] + (x - grey[..., None]) * (0 if rng.random() < 0.15 else rng.uniform(0.5, 1.2))
    noise = (0.002 + 0.03 * (1 - quality) * rng.random()) * (1.5 if night else 1)
    x = x + noise * (rng.normal(size=(small, small, 1)) + 0.5 * rng.normal(size=(small, small, 3)))
    if rng.random() < 0.4:
        x = x + rng.uniform(0.2, 1) * (x - cv2.GaussianBlur(x, (0, 0), 1.0))
    pixels = np.round(np.clip(x, 0, 1) * 255).astype(np.uint8)
    strength = int(np.clip(30 + 65 * quality + rng.normal(0, 8), 18, 97))
    coded = cv2.imencode(".jpg", np.ascontiguousarray(pixels[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, strength])[1]
    pixels = cv2.imdecode(coded, cv2.IMREAD_COLOR)[..., ::-1]
    return np.ascontiguousarray(pixels if small == n else cv2.resize(pixels, (n, n), interpolation=cv2.INTER_CUBIC))
