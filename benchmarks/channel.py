"""How much room a channel leaves: the share of a faint random pattern that survives between U_e and U_d.

    python benchmarks/channel.py HEADS [--out docs/channel.md]

HEADS is a prepared data set, of which the test split is used. The second table compares two ways to encode heads: on
the canvas of training and evaluation, and in whole frames of the bundled clip.
"""

import csv
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from skimage.metrics import peak_signal_noise_ratio
from tabulate import tabulate

from uunet import atomic, config, data, pixels, video_samples
from uunet.channel import jpeg, video_codec
from uunet.media import video_reading

AMPLITUDE = 4  # levels
SIZES = (32, 64, 128)
SEQUENCES, FRAMES = 8, 4
PATTERNS = [(colour, side) for colour in ("luma", "chroma") for side in (1, 2)]
COLOURS = {"luma": (1, 1, 1), "chroma": (1, 0, -1)}  # the same step in each of R, G, B; red against blue


def through_jpeg(rois, corner, quality):
    """JPEG as in training, pasted as a codec's heads are: uint8 `(T, n, n, 3)` -> the same."""
    (top, left), n = corner, rois.shape[1]
    side = video_codec.canvas_side(n)
    pasted = [np.pad(roi, ((top, side - n - top), (left, side - n - left), (0, 0)), mode="edge") for roi in rois]
    image = pixels.to_uint8(np.asarray(jpeg.round_trip(pixels.to_float(pasted), quality)))
    return image[:, top : top + n, left : left + n]


CHANNELS = {
    "lossless": lambda rois, corner: rois,
    "JPEG 90": lambda rois, corner: through_jpeg(rois, corner, 90),
    **{f"H.264 crf {crf}": lambda rois, corner, crf=crf: video_codec.heads_round_trip(rois, crf, corner=corner)
       for crf in (18, 23, 28)},
    "VP9 crf 31": lambda rois, corner: video_codec.heads_round_trip(rois, 31, corner=corner, name="vp9"),
}  # fmt: skip


def random_pattern(rng, size, colour, side):
    """Float `(size, size, 3)` of +-AMPLITUDE / 255 in squares of `side` pixels."""
    signs = rng.choice([-1.0, 1.0], (-(-size // side), -(-size // side), 1)).repeat(side, 0).repeat(side, 1)
    return (AMPLITUDE / 255 * signs[:size, :size] * COLOURS[colour]).astype(np.float32)


def survival(faces, n, through):
    """For each of PATTERNS, its correlation with what it changes at U_d's input, and the share of its amplitude there.

    A pattern lies on the network's grid, as U_e would write it, and stays through the frames of a sequence.

    Returns:
        list of `(correlation, share)`.
    """
    rng = np.random.default_rng(1)
    size = faces.shape[2]
    sent, received = ([[] for _ in PATTERNS] for _ in range(2))
    for sequence in faces:
        corner = rng.integers(video_codec.GRID, size=2)

        def arrived(a, corner=corner):
            rois = np.stack([pixels.to_roi(face, n, n) for face in a])
            return np.stack([pixels.to_network(roi, size) for roi in through(rois, corner)])

        plain = arrived(sequence)
        for k, pattern in enumerate(PATTERNS):
            added = random_pattern(rng, size, *pattern)
            sent[k].append(np.broadcast_to(added, sequence.shape))
            received[k].append(arrived(sequence + added) - plain)
    pairs = [(np.ravel(one), np.ravel(other)) for one, other in zip(sent, received, strict=True)]
    return [(np.corrcoef(one, other)[0, 1], one @ other / (one @ one)) for one, other in pairs]


def capacity(heads: data.Heads) -> str:
    """The first table."""
    rng = np.random.default_rng(0)
    runs = [frames for sequences in heads.by_subject.values() for frames in sequences if len(frames) >= FRAMES]
    chosen = [runs[k][:FRAMES] for k in rng.choice(len(runs), SEQUENCES, replace=False)]
    margin = AMPLITUDE / 255  # keeps the pattern from being clipped
    faces = np.clip(pixels.to_float(heads.images[np.array(chosen)]), margin, 1 - margin)
    rows = []
    for n in SIZES:
        for name, through in CHANNELS.items():
            cells = [f"{correlation:.2f} ({share:.2f})" for correlation, share in survival(faces, n, through)]
            rows.append([n, name, *cells])
    header = ["ROI", "channel", *(f"{colour}, {side} px" for colour, side in PATTERNS)]
    return tabulate(rows, header, tablefmt="github", disable_numparse=True)


def canvas_against_frames() -> str:
    """The second table: PSNR of the clip's heads, encoded in their frames and alone."""
    frames = np.stack(video_reading.read_frames(video_samples.WALK))
    boxes = {}
    with open(video_samples.WALK_HEADS) as file:
        for row in csv.DictReader(file):
            boxes.setdefault(int(row["frame"]), []).append([int(row[name]) for name in "xywh"])
    rows = []
    for crf in (18, 23, 28):
        pairs = []
        for first in range(0, len(frames) - video_codec.GROUP + 1, video_codec.GROUP):
            group = frames[first : first + video_codec.GROUP]
            decoded = video_codec.round_trip(group, crf)
            for x, y, w, h in boxes.get(first, []):
                place = np.s_[:, y : y + h, x : x + w]
                alone = video_codec.heads_round_trip(
                    group[place], crf, corner=(y % video_codec.GRID, x % video_codec.GRID)
                )
                pairs.append([peak_signal_noise_ratio(group[place], found) for found in (decoded[place], alone)])
        whole, alone = np.transpose(pairs)
        difference = alone - whole
        rows.append([
            f"crf {crf}", len(pairs), f"{whole.mean():.1f}", f"{alone.mean():.1f}",
            f"{difference.mean():+.1f}, {difference.std():.1f}",
        ])  # fmt: skip
    header = ["H.264", "heads", "PSNR in whole frames, dB", "on the canvas", "difference, mean and deviation"]
    return tabulate(rows, header, tablefmt="github", disable_numparse=True)


def cost(heads: data.Heads) -> str:
    """The third table: CPU time for the heads of a batch, 4 frames of each of `config.SIZES`."""
    frames = pixels.to_float(heads.images[next(iter(heads.by_subject.values()))[0][:FRAMES]])
    rows = []
    for name, crf in (("h264", 23), ("vp9", 31)):
        seconds = {}
        for n in config.SIZES:
            rois = np.stack([pixels.to_roi(face, n, n) for face in frames])
            took = []
            for _ in range(5):
                start = time.process_time()
                video_codec.heads_round_trip(rois, crf, corner=(5, 9), name=name)
                took.append(time.process_time() - start)
            seconds[n] = min(took)
        whole, largest = sum(seconds.values()), seconds[max(seconds)]
        rows.append([f"{name} crf {crf}", f"{1000 * whole:.0f}", f"{1000 * largest:.0f}"])
    header = ["codec", "32 heads, CPU ms", "of these, the 4 of 256 px"]
    return tabulate(rows, header, tablefmt="github", disable_numparse=True)


def main(
    folder: Annotated[Path, typer.Argument(metavar="HEADS", help="A prepared data set.")],
    out: Annotated[Path | None, typer.Option(help="A Markdown file, which is replaced; by default print.")] = None,
) -> None:
    """Measures which share of a faint random pattern survives between U_e and U_d."""
    heads = data.load(folder, "test", size=64)
    text = f"""# What the channel leaves

Made by `python benchmarks/channel.py {folder.name} --out docs/channel.md`.

## Room for hidden features

The table shows how much of a faint pattern reaches U_d. A random pattern of
+-{AMPLITUDE} levels is added to {SEQUENCES} x {FRAMES} test heads (sequences x frames) on U_e's
64 x 64 grid. A luma pattern changes R, G and B alike; a chroma pattern changes red and blue in opposite
directions. Its squares have 1 or 2 pixels, and it is the same in all frames of a sequence. The table gives
the correlation of the pattern with the difference that it makes at U_d's input, and in brackets the share of
its amplitude: 1 means that all of it survives, 0 that nothing does. ROI: side in pixels.

{capacity(heads)}

## Encoding a head alone and in its frame

Training and evaluation encode single heads, each on the smallest canvas of whole macroblocks, with its edges continued
(`uunet.channel.video_codec.heads_round_trip`). Measured on the heads of the bundled clip, in groups
of {video_codec.GROUP} frames whose boxes stand still:

{canvas_against_frames()}

## Time

{cost(heads)}
"""
    if out is None:
        print(text)
        return
    with atomic.new_file(out, overwrite=True) as part:
        part.write_text(text)


if __name__ == "__main__":
    typer.run(main)
