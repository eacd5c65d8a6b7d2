"""How easily hidden messages are *noticed* (not read): the error P_E of published attacks, 0.5 = a coin, 0 = certain.

    python benchmarks/detectability.py [CLIP] [--out docs/detectability.md]

P_E is the mean of false alarms and misses at the best threshold, with a 95 % interval from 1,000 resamplings of whole
pictures. The threshold is fitted to the same few pictures, so that guessing gets a little less than 0.5. The pictures
are scikit-image's, in tiles of 256 x 256, not resized. The attacks:

    WS            weighted stego: each sample against its neighbours, flipped bits pull one way (Fridrich, Goljan 2004)
    SPA           sample pairs: parity and order of neighbours (Dumitrescu, Wu, Wang 2003)
    zeros         JPEG: fewer zeros than in the picture shifted by 4 pixels and compressed again (calibration)
    lattice       DCT: coefficients lie on the lattices, which are public; the key only says which macroblocks
    single steps  a clip: one channel of a pixel goes up or down by one and back while all around it stands still

LSB replacement, half of the samples, is the control that an attack must find. Needs about 3 minutes.
"""

import itertools
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from scipy import ndimage
from skimage import data as skimage_data
from survival import PICTURES, as_jpeg, hide_jpeg, order, pictures
from tabulate import tabulate

from uunet import video_samples
from uunet.media import video_reading
from uunet.stego import jpeg, keystream, lsb, qim

TILE = 256
SHORT, LONG = 38, 194  # bytes, about those of 2 and 12 heads
RESAMPLINGS = 1000
KEY = bytes(32)
KERNEL = np.array([[-1, 2, -1], [2, 0, 2], [-1, 2, -1]]) / 4


# Attacks: a number, larger where something is hidden.


def ws(frame):
    """The estimated payload of the green channel, in [0, 1]."""
    x = frame[..., 1].astype(float)
    predicted = ndimage.convolve(x, KERNEL, mode="mirror")
    mean = ndimage.uniform_filter(x, 3)
    weight = 1 / (5 + ndimage.uniform_filter(x * x, 3) - mean * mean)
    flipped = x + 1 - 2 * (x % 2)
    return 2 * np.average((x - flipped) * (x - predicted), weights=weight)


def spa(frame):
    """The estimated share of flipped bits of the green channel."""
    u, v = frame[:, :-1, 1].astype(int), frame[:, 1:, 1].astype(int)
    even = v % 2 == 0
    x = np.count_nonzero(np.where(even, u < v, u > v))
    y = np.count_nonzero(np.where(even, u > v, u < v))
    same = np.count_nonzero(u // 2 == v // 2)
    return np.roots([2 * same, 2 * (2 * x - u.size), y - x]).real.min() if same else 0


def zeros(data):
    """How many more carriers are not zero than in the calibrated picture, as a ratio."""
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    calibrated = as_jpeg(picture[4:-4, 4:-4], 90).tobytes()
    shares = [np.mean(jpeg.carriers(file) != 0) for file in (data, calibrated)]
    return shares[0] / max(shares[1], 1e-6)


def lattice(frame):
    """How close all coefficients lie to the lattices of either bit."""
    return np.square(qim._votes([frame], np.arange(qim._macroblocks(frame.shape)))).mean()


# Covers and what is done to them.


def scattered(frame, length):
    """LSB matching in keyed order, as in sealed files."""
    return lsb.hide(frame, np.random.default_rng(length).bytes(length), key=KEY)


def replaced(frame, length):
    """LSB replacement at the same places."""
    hidden = frame.reshape(-1).copy()
    places = keystream.positions(KEY, 0, frame.size, 8 * length)
    hidden[places] = hidden[places] & 0xFE | np.random.default_rng(length).integers(0, 2, 8 * length, dtype=np.uint8)
    return hidden.reshape(frame.shape)


def tiles():
    """uint8 `(n, 256, 256, 3)` and which picture each is of `(n,)`."""
    folder = Path(skimage_data.__file__).parent
    found, owners = [], []
    for k, name in enumerate(PICTURES):
        path = next(path for path in folder.iterdir() if path.stem == name)
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)[..., ::-1]
        corners = itertools.product(*(range(0, side - TILE + 1, TILE) for side in image.shape[:2]))
        new = [image[y : y + TILE, x : x + TILE].copy() for y, x in corners][:8]
        found += new
        owners += [k] * len(new)
    return np.array(found), np.array(owners)


def error(clean, hidden):
    """P_E at the best threshold: the best point of the two empirical distributions."""
    thresholds = np.append(np.unique(np.concatenate([clean, hidden])), np.inf)
    alarms = 1 - np.searchsorted(np.sort(clean), thresholds) / len(clean)
    misses = np.searchsorted(np.sort(hidden), thresholds) / len(hidden)
    return ((alarms + misses) / 2).min()


def row(name, clean, hidden, owners):
    """One row of a table, list of str; pictures (or frames) are resampled as a whole."""
    clean, hidden = np.array(clean), np.array(hidden)
    members = [np.flatnonzero(owners == owner) for owner in np.unique(owners)]
    rng = np.random.default_rng(0)
    errors = []
    for _ in range(RESAMPLINGS):
        chosen = np.concatenate([members[k] for k in rng.integers(0, len(members), len(members))])
        errors.append(error(clean[chosen], hidden[chosen]))
    low, high = np.quantile(errors, [0.025, 0.975])
    return [name, f"{error(clean, hidden):.2f}", f"{low:.2f} to {high:.2f}"]


def single_steps(before, frame, after):
    """Pixels of which one channel alone went a step and came back while all around them stood still."""
    still = ndimage.minimum_filter((before == after).all(2), 3)
    step = abs(frame.astype(int) - before)
    return np.count_nonzero(still & (step.max(2) == 1) & (step.sum(2) == 1))


def of_pictures(covers: np.ndarray, owners: np.ndarray) -> list[list[str]]:
    """Rows of the first table: tiles, and whole pictures for the lattice."""
    half = covers[0].size // 16  # bytes: a bit in every second sample
    rows = []
    for attack in (ws, spa):
        clean = [attack(cover) for cover in covers]
        for text, change, length in (
            ("LSB replacement of half the samples (control)", replaced, half),
            (f"LSB replacement, {LONG} bytes", replaced, LONG),
            ("LSB matching in half the samples", scattered, half),
            (f"LSB matching, {LONG} bytes", scattered, LONG),
            (f"LSB matching, {SHORT} bytes", scattered, SHORT),
        ):
            hidden = [attack(change(cover, length)) for cover in covers]
            rows.append(row(f"{attack.__name__.upper()}, {text}", clean, hidden, owners))
    clean = [zeros(as_jpeg(cover, 90).tobytes()) for cover in covers]
    for length in (1500, LONG, SHORT):
        rng = np.random.default_rng(length)
        hidden = [zeros(hide_jpeg([cover], rng.bytes(length), ())[0]) for cover in covers]
        rows.append(row(f"zeros, JPEG coefficients, {length} bytes", clean, hidden, owners))
    whole = pictures()
    clean = [lattice(cover) for cover in whole]
    hidden = [lattice(qim.hide([cover], b"x" * SHORT, order)[0]) for cover in whole]
    rows.append(row(f"lattice, DCT, {SHORT} bytes in 768 x 576", clean, hidden, np.arange(len(whole))))
    return rows


def of_clip(frames: list[np.ndarray]) -> list[list[str]]:
    """Rows of the second table: all frames but the first and the last."""
    triples = list(zip(frames[:-2], frames[1:-1], frames[2:], strict=True))
    clean = [single_steps(*triple) for triple in triples]
    rows = []
    for length in (LONG, SHORT):
        hidden = [single_steps(one, scattered(two, length), three) for one, two, three in triples]
        rows.append(row(f"single steps, LSB matching, {length} bytes", clean, hidden, np.arange(len(clean))))
    return rows


def main(
    clip: Annotated[Path, typer.Argument(metavar="[CLIP]", show_default="the bundled clip")] = video_samples.WALK,
    out: Annotated[Path | None, typer.Option(help="A Markdown file, which is replaced; by default print.")] = None,
) -> None:
    """Measures how easily hidden messages are noticed: the error of published attacks."""
    covers, owners = tiles()
    frames = list(video_reading.read_frames(clip))[:50]
    height, width = frames[0].shape[:2]
    first, second = (
        tabulate(rows, ["attack, on what", "P_E", "95 %"], tablefmt="github", disable_numparse=True)
        for rows in (of_pictures(covers, owners), of_clip(frames))
    )
    text = f"""Made by `python benchmarks/detectability.py`: the error of attacks; 0.5 is a coin, 0 is certain.

{len(covers)} tiles of {TILE} x {TILE} of {len(np.unique(owners))} pictures:

{first}

`{clip.name}`, {len(frames) - 2} frames of {width} x {height}:

{second}
"""
    if out:
        out.write_text(text)
    else:
        print(text)


if __name__ == "__main__":
    typer.run(main)
