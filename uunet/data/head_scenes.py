"""Pictures with head boxes for the head detector: the archive of `python -m data_prep.head_scenes`, and batches.

The archive is a NumPy file of these arrays; N pictures, M boxes:

    format        str, `FORMAT`
    size          int, side of the pictures in pixels
    jpeg, ends    uint8 (bytes,), int64 (N,): JPEG files one after the other, and where each ends
    split         uint8 (N,): 0 train, 1 validation
    boxes         float32 (M, 4): x, y, w, h in pixels, the tight boxes of `models.head_detector`
    of, ignored   int32 (M,), bool (M,): the picture of each box; whether it is one to ignore, not a head
    recipe        str, JSON: what the archive was made of
"""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from uunet import atomic, pixels
from uunet.config import HeadDetectorConfig
from uunet.data import arrays
from uunet.data.manifest import DataError
from uunet.models import head_detector

FORMAT = "uunet head scenes 1"
ARRAYS = {"size", "jpeg", "ends", "split", "boxes", "of", "ignored"}
ADVICE = "make one: python -m data_prep.head_scenes --out FILE"
QUALITY = 95  # of the JPEG files

ZOOM = 0.5, 2.0  # smallest and largest enlargement of a picture in training
LEAST_KEPT = 0.4  # share of a head's box in the crop, below which it is ignored
SMALLEST = 7.0  # pixels, longer side of a head; smaller ones are ignored


@dataclasses.dataclass(frozen=True)
class Scenes:
    """One split of an archive.

    Attributes:
        files: list of uint8 `(bytes,)`, JPEG files of the pictures.
        boxes, ignored: lists of float32 `(n, 4)`, heads and boxes to ignore of each picture.
        size: int, side of the pictures in pixels.
    """

    files: list[np.ndarray]
    boxes: list[np.ndarray]
    ignored: list[np.ndarray]
    size: int

    def picture(self, index: int) -> np.ndarray:
        """uint8 `(size, size, 3)`, RGB; DataError if the picture is damaged."""
        picture = cv2.imdecode(self.files[index], cv2.IMREAD_COLOR)
        if picture is None:
            raise DataError(f"Picture {index} of the archive of head scenes is damaged; {ADVICE}.")
        return np.ascontiguousarray(picture[..., ::-1])


def encode(rgb: np.ndarray) -> np.ndarray:
    """A picture as the archive stores it: uint8 `(h, w, 3)` to uint8 `(bytes,)`."""
    return cv2.imencode(".jpg", np.ascontiguousarray(rgb[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].ravel()


def write(path: Path, splits: Sequence[Scenes], recipe: dict, *, overwrite: bool = False) -> None:
    """Writes an archive.

    Args:
        path: .npz file.
        splits: Scenes for training, and for validation.
        recipe: dict of JSON values: what they were made of.
        overwrite: whether `path` may be replaced.
    """
    files = [file for scenes in splits for file in scenes.files]
    parts = [  # of each picture, the heads, then the boxes to ignore
        part for scenes in splits for pair in zip(scenes.boxes, scenes.ignored, strict=True) for part in pair
    ]
    with atomic.new_file(path, overwrite=overwrite) as part, open(part, "wb") as file:
        np.savez(
            file, format=FORMAT, size=splits[0].size, jpeg=np.concatenate(files), recipe=json.dumps(recipe),
            ends=np.cumsum([len(one) for one in files]),
            split=np.repeat(np.arange(2, dtype=np.uint8), [len(scenes.files) for scenes in splits]),
            boxes=np.concatenate([np.asarray(one, np.float32).reshape(-1, 4) for one in parts]),
            of=np.repeat(np.arange(len(parts)) // 2, [len(one) for one in parts]).astype(np.int32),
            ignored=np.repeat(np.arange(len(parts)) % 2 == 1, [len(one) for one in parts]),
        )  # fmt: skip


def read(path: Path | str) -> tuple[Scenes, Scenes, str]:
    """The training and the validation scenes of an archive, and its SHA-256.

    Raises:
        DataError: if there is none, or it is damaged, or of another kind.
    """
    path = Path(path)
    found = arrays.read(path, "archive of head scenes", ADVICE, DataError)
    if str(found.get("format")) != FORMAT or not ARRAYS <= found.keys():
        raise DataError(f"{path} is not an archive of head scenes; {ADVICE}.")
    ends, split, of, boxes, ignored = (found[name] for name in ("ends", "split", "of", "boxes", "ignored"))
    pieces = np.split(found["jpeg"], ends[:-1])
    order = np.argsort(of, kind="stable")
    counts = np.cumsum(np.bincount(of, minlength=len(ends)))[:-1]
    of_picture = np.split(order, counts)
    splits = []
    for number in (0, 1):
        chosen = np.flatnonzero(split == number)
        if not len(chosen):
            raise DataError(f"{path} lacks pictures for training or for validation; {ADVICE}.")
        splits.append(Scenes(
            [pieces[k] for k in chosen],
            [boxes[of_picture[k]][~ignored[of_picture[k]]] for k in chosen],
            [boxes[of_picture[k]][ignored[of_picture[k]]] for k in chosen],
            int(found["size"]),
        ))  # fmt: skip
    return splits[0], splits[1], hashlib.sha256(path.read_bytes()).hexdigest()


def sheet(shown: Sequence[tuple], across: int) -> np.ndarray:
    """Pictures with boxes, side by side: uint8, RGB.

    Args:
        shown: of each picture, uint8 `(size, size, 3)`, RGB, drawn upon; and pairs of boxes `(n, 4)` and their colour.
        across: int, pictures in a row.
    """
    for picture, drawn in shown:
        for boxes, tint in drawn:
            for x, y, w, h in boxes:
                cv2.rectangle(picture, (round(x), round(y)), (round(x + w) - 1, round(y + h) - 1), tint, 1)
    tiles = [picture for picture, _ in shown]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % across)
    return np.concatenate([np.concatenate(tiles[k : k + across], 1) for k in range(0, len(tiles), across)])


def head_scene_batch(scenes: Scenes, config: HeadDetectorConfig, step: int) -> dict:
    """The batch of a step: pictures varied at random, and what the network should predict of them.

    Returns:
        dict: image float32 `(B, size, size, 3)` in [0, 1]; maps, near and counts of `head_detector.Maps`, stacked.
    """
    rng = np.random.default_rng([config.seed, step, 17])
    made = [varied(scenes, config.size, rng) for _ in range(config.batch)]
    maps = [head_detector.maps_of(boxes, ignored, config.size, config.size) for _, boxes, ignored in made]
    names = head_detector.Maps._fields
    return {
        "image": pixels.to_float(np.stack([picture for picture, _, _ in made])),
        **{name: np.stack([getattr(one, name) for one in maps]) for name in names},
    }


def varied(scenes: Scenes, size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A random picture, enlarged by ZOOM, perhaps mirrored, with other colours, blurred, grey or compressed again.

    What is reduced is cut out of four pictures side by side, so that the crop is full.

    Returns:
        uint8 `(size, size, 3)`, RGB; float `(n, 4)`, heads; float `(m, 4)`, boxes to ignore.
    """
    zoom = np.exp(rng.uniform(*np.log(ZOOM)))
    side = size / zoom
    rgb, boxes, ignored = _canvas(scenes, 1 if side <= scenes.size else 2, rng)
    corner = rng.uniform(0, max(1e-6, len(rgb) - side), 2)
    # maps a pixel of the crop to one of the canvas; centres of pixels are at .5
    matrix = np.array([[1 / zoom, 0, corner[0] + 0.5 / zoom - 0.5], [0, 1 / zoom, corner[1] + 0.5 / zoom - 0.5]])
    if zoom < 1:
        rgb = cv2.GaussianBlur(rgb, (0, 0), 0.45 / zoom)  # against aliasing
    rgb = cv2.warpAffine(
        rgb, matrix, (size, size), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
    )
    moved = [(one - (*corner, 0, 0)) * zoom for one in (boxes, ignored)]
    heads, cut = _cut(moved[0], size)
    ignored = np.concatenate([moved[1], cut])
    if rng.random() < 0.5:
        rgb = rgb[:, ::-1]
        for one in (heads, ignored):
            one[:, 0] = size - one[:, 0] - one[:, 2]
    return _recoloured(rgb, rng), heads, ignored


def _canvas(scenes, across, rng):
    """`across` x `across` random pictures side by side, with their boxes."""
    size = scenes.size
    canvas = np.empty((across * size, across * size, 3), np.uint8)
    boxes, ignored = [], []
    for place in range(across**2):
        k = int(rng.integers(len(scenes.files)))
        x, y = place % across * size, place // across * size
        canvas[y : y + size, x : x + size] = scenes.picture(k)
        boxes.append(scenes.boxes[k] + (x, y, 0, 0))
        ignored.append(scenes.ignored[k] + (x, y, 0, 0))
    return canvas, np.concatenate(boxes), np.concatenate(ignored)


def _cut(boxes, size):
    """Boxes cut at the edge of a crop: those that are kept well enough, and those to ignore."""
    low, high = np.clip(boxes[:, :2], 0, size), np.clip(boxes[:, :2] + boxes[:, 2:], 0, size)
    inside = np.concatenate([low, high - low], axis=1)
    share = inside[:, 2:].prod(axis=1) / np.maximum(boxes[:, 2:].prod(axis=1), 1e-6)
    good = (share >= LEAST_KEPT) & (boxes[:, 2:].max(axis=1) >= SMALLEST)
    return inside[good], inside[~good & (share > 0)]


def _recoloured(rgb, rng):
    """Other brightness, contrast and colours; some are blurred, grey or compressed."""
    x = rgb.astype(np.float32)
    x = (x - 128) * rng.uniform(0.6, 1.25) + 128 + rng.uniform(-30, 30)
    x = x * np.exp(rng.normal(0, 0.05, 3)).astype(np.float32)
    if rng.random() < 0.15:
        x = np.repeat((x @ np.array([0.299, 0.587, 0.114], np.float32))[..., None], 3, axis=2)
    if rng.random() < 0.25:
        x = cv2.GaussianBlur(x, (0, 0), rng.uniform(0.3, 1.3))
    if rng.random() < 0.3:
        x = x + rng.normal(0, rng.uniform(1, 9), x.shape[:2])[..., None]
    x = np.round(np.clip(x, 0, 255)).astype(np.uint8)
    if rng.random() < 0.4:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 90))]
        x = cv2.imdecode(cv2.imencode(".jpg", x, quality)[1], cv2.IMREAD_COLOR)
    return x
