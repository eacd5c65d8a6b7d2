"""What weights do to one real face: x | a | r of scikit-image's photograph of Eileen Collins (NASA, public domain).

Weights that draw without seeing have no r.

    python benchmarks/astronaut.py [--weights twin-cctv] [--s=-1,1,1,1] -o docs/weights/twin-cctv-astronaut.png

The pipeline processes the whole picture, like any photograph. The script prints the head's box and its PSNR, at the
resolution of the photograph and at that of U_e and U_d.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from matplotlib.figure import Figure
from skimage import data

from uunet import atomic, engine, pipeline, pixels, presets
from uunet.boxes import detection
from uunet.metrics import psnr
from uunet.pipeline import frame

AROUND = 320  # pixels of the picture that are shown, from its upper left corner


def run(net: presets.Preset, out: Path, seed: int = 0) -> list[str]:
    """Makes the sheet; returns the measurements, one line each.

    Args:
        net: presets.Preset.
        out: Path of a PNG.
        seed: int, of the noise.
    """
    x = data.astronaut()
    versions = {"x": x} | _versions(net, x, seed)
    (roi,) = detection.find_heads([x], detection.mtcnn())[0]
    heads = [picture[roi.y : roi.y + roi.h, roi.x : roi.x + roi.w] for picture in versions.values()]
    size = engine.side(net.encoder)
    small = pixels.to_uint8(engine.network_inputs(heads, size))
    figure = Figure(figsize=(3 * len(versions), 6.3), layout="constrained")
    axes = figure.subplots(2, len(versions))
    for axis, (title, picture) in zip(axes[0], versions.items(), strict=True):
        axis.imshow(picture[:AROUND, :AROUND])
        axis.set_title(title)
    for axis, head in zip(axes[1], small, strict=True):
        axis.imshow(head)
    for axis in axes.flat:
        axis.axis("off")
    axes[1, 0].set_title(f"the heads as the networks see them, {size} pixels", fontsize=9, loc="left")
    with atomic.new_file(out, overwrite=True) as part:
        figure.savefig(part, dpi=72, format="png")
    lines = [f"head of {roi.w} x {roi.h} pixels"]
    for what, (before, *after) in (("in its own pixels", heads), (f"at {size} pixels", small)):
        against = (
            f"PSNR(x, {name}) {float(psnr(before[None], np.asarray(other)[None])[0]):.2f} dB"
            for name, other in zip(list(versions)[1:], after, strict=True)
        )
        lines.append(f"{what}: {', '.join(against)}")
    return lines


def _versions(net, x, seed):
    """a and r of a picture; a alone of weights that draw without seeing."""
    if net.unseen:
        drawing = frame.new_deidentifier(net.encoder, seed, hides=False)
        return {"a": frame.drawn([x], detection.tracked_heads([[x]], detection.mtcnn()), drawing)[0]}
    a = pipeline.deidentify(x, net.encoder, detection.mtcnn(), seed=seed)
    return {"a": a, "r": pipeline.reconstruct(a, net.decoder)}


def main(
    out: Annotated[Path, typer.Option("-o", "--out", help="The sheet, a PNG file; it is replaced.")],
    weights: Annotated[str, typer.Option(help="A preset, or the folder of a training run.")] = "twin-cctv",
    s: Annotated[str | None, typer.Option(help="Instead of the s that the weights follow, e.g. -1,-1,-1,-1.")] = None,
) -> None:
    """Draws x | a | r of one real face, and prints PSNR."""
    wish = tuple(map(int, s.split(","))) if s else None
    print("\n".join(run(presets.load(weights, wish), out)))


if __name__ == "__main__":
    typer.run(main)
