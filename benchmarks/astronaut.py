"""What weights do to one real face: x | a | r of scikit-image's photograph of Eileen Collins (NASA, public domain).

    python benchmarks/astronaut.py [--weights twin-cctv] [--s=-1,1,1,1] -o docs/weights/twin-cctv-astronaut.png

The whole picture goes through the pipeline as any photograph does. Prints the box and PSNR of the head, in its own
pixels and as U_e and U_d see it.
"""

import argparse
from pathlib import Path

import matplotlib
import numpy as np
from skimage import data

from uunet import atomic, engine, pipeline, pixels, presets
from uunet.boxes import detection
from uunet.evaluation.scorecard import psnr

matplotlib.use("Agg")  # draws into files; needs no screen
from matplotlib import pyplot as plt  # noqa: E402

AROUND = 320  # pixels of the picture that are shown, from its upper left corner


def run(net, out, seed=0):
    """Makes the sheet; returns list of str, what was measured.

    Args:
        net: presets.Preset.
        out: Path of a PNG.
        seed: int, of the noise.
    """
    x = data.astronaut()
    a = pipeline.deidentify(x, net.encoder, detection.mtcnn(), seed=seed)
    r = pipeline.reconstruct(a, net.decoder)
    (roi,) = detection.find_heads([x], detection.mtcnn())[0]
    heads = [picture[roi.y : roi.y + roi.h, roi.x : roi.x + roi.w] for picture in (x, a, r)]
    size = net.encoder.inputs[0].shape[1]
    small = pixels.to_uint8(engine.network_inputs(heads, size))
    figure, axes = plt.subplots(2, 3, figsize=(9, 6.3), layout="constrained")
    for axis, title, picture in zip(axes[0], ("x", "a", "r"), (x, a, r), strict=True):
        axis.imshow(picture[:AROUND, :AROUND])
        axis.set_title(title)
    for axis, head in zip(axes[1], small, strict=True):
        axis.imshow(head)
    for axis in axes.flat:
        axis.axis("off")
    axes[1, 1].set_title(f"the heads as the networks see them, {size} pixels", fontsize=9)
    with atomic.new_file(out, overwrite=True) as part:
        figure.savefig(part, dpi=72, format="png")
    plt.close(figure)
    lines = [f"head of {roi.w} x {roi.h} pixels"]
    for what, (before, *after) in (("in its own pixels", heads), (f"at {size} pixels", small)):
        against_a, against_r = (float(psnr(before[None], np.asarray(other)[None])[0]) for other in after)
        lines.append(f"{what}: PSNR(x, a) {against_a:.2f} dB, PSNR(x, r) {against_r:.2f} dB")
    return lines


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", default="twin-cctv")
    parser.add_argument("--s", help="instead of what the weights obey, such as -1,-1,-1,-1")
    parser.add_argument("-o", "--out", type=Path, required=True)
    options = parser.parse_args()
    wish = tuple(map(int, options.s.split(","))) if options.s else None
    print("\n".join(run(presets.load(options.weights, wish), options.out)))
