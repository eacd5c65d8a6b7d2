# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Through the channel: what is reconstructed after degradation
#
# **The paper's claim**: U_d reconstructs "exclusively based in the public stream". It does not say what the stream does
# to a head: a ROI is larger or smaller than the network's input, and a video that is small enough to publish is lossy.
# This notebook goes beyond the paper. In practice, the channel is the first cause of failure.
#
# **What it costs:** half a minute on two CPU cores.

# %%
import matplotlib.pyplot as plt
import numpy as np

from notebooks import support
from uunet import engine, metrics, pixels
from uunet.evaluation import transmission
from uunet.experiments import degradation, sheets

# %% [markdown]
# ## One head, three ways
#
# $x$ is hidden in $a$; $a$ is degraded; $r = U_d(\text{degraded } a)$. Columns: $a$ as it arrives, and $r$.

# %%
context = support.sample()
heads = degradation.first_frames(context.heads)
net = context.networks[0]
a = engine.Deidentifier(net.encoder, context.seed)(heads.images, heads.sequences)
arrived = {
    "as it was": a,
    "JPEG, quality 75": transmission.through_jpeg(a, 75),
    "H.264, crf 23": transmission.through_h264(a, heads.sequences, heads.frames, 23, context.seed),
}
figure, axes = plt.subplots(1, 1 + 2 * len(arrived), figsize=(11, 2.1))
pictures, titles = [heads.images[0]], ["x"]
for name, image in arrived.items():
    r = engine.Reidentifier(net.decoder)(image)
    pictures += [image[0], r[0]]
    titles += [f"a, {name}", f"r: {metrics.psnr(heads.images, r)[0]:.1f} dB"]
sheets.show(axes, pictures, titles)

# %% [markdown]
# $a$ hardly seems to change. U_d reads differences of a few levels between neighbouring pixels, and encoders remove
# those first.
#
# ## How much is lost
#
# $$PSNR(x, r) = 10 \log_{10} \frac{255^2}{E[(x - r)^2]}$$
#
# `uunet figure damage` measures it for each size of a ROI, each quality of a JPEG file and each crf of a video, and
# whether a recogniser still takes $r$ for the person:

# %%
support.figure("damage")

# %% [markdown]
# ## A small ROI
#
# The network writes 64 × 64 pixels. A ROI of $n$ pixels holds $n^2$ of them. Resizing to the ROI is a matrix $E$;
# resizing back is its least-squares inverse $E^+$ (`pixels.resampling_matrix`). $E^+ E$ shows which patterns survive:

# %%
figure, axes = plt.subplots(1, 3, figsize=(9, 2.6))
for axis, side in zip(axes, (24, 48, 64), strict=True):
    there_and_back = pixels.resampling_matrix(side, 64) @ pixels.resampling_matrix(64, side)
    axis.imshow(there_and_back, cmap="gray")
    axis.set_title(f"{side} pixels: {np.linalg.matrix_rank(there_and_back, tol=0.1)} of 64 patterns", fontsize=9)
    axis.axis("off")

# %% [markdown]
# A small ROI is reconstructed well *in its own pixels*: it contains less detail.
#
# **Try:** `23` → `33` in the cell with the faces. What does a face lose first: colour, shape or detail? Video keeps one
# chroma sample for four pixels. What does that say about where U_e hides most?
#
# ## What we measured

# %%
support.table("damage")

# %% [markdown]
# **What differs, and why.** The paper measures none of this. These weights were trained through ROI sizes alone;
# `config.ROBUST` is a channel with degradation. Here each head stands in a mosaic with its edges continued, not in its
# frame. On the bundled clip that makes little difference ([docs/channel.md](../docs/channel.md)).
