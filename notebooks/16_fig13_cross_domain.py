# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Fig. 13: weights learned on one set, used on another
#
# **The paper's claim**: with weights learned on MARS and used on P-DESTRE (M → P), or the other way round, faces can
# still be reconstructed, and are still hidden and diverse. Consistency and realism decrease.
#
# **What it costs:** half a minute on two CPU cores.

# %%
import matplotlib.pyplot as plt
import numpy as np

from notebooks import support
from uunet import metrics
from uunet.experiments import fig13, histograms, sheets

# %% [markdown]
# ## Two kinds of footage
#
# A street camera, and a camera on a drone. Colours of the heads, in shares of pixels:

# %%
context = support.sample()
here, there = context, context.elsewhere
figure, axes = plt.subplots(2, 7, figsize=(11, 3.3), width_ratios=[1] * 6 + [2])
for row, some in zip(axes, (here, there), strict=True):
    shown = np.arange(len(some.heads.images))[:: max(1, len(some.heads.images) // 6)][:6]
    sheets.show(row, some.heads.images[shown], [some.folder.name])
    for channel, colour in enumerate(("tab:red", "tab:green", "tab:blue")):
        row[6].hist(some.heads.images[..., channel].ravel(), 32, (0, 255), density=True, histtype="step", color=colour)
    row[6].set_yticks([])

# %% [markdown]
# ## The figure
#
# Blue: weights on their own set, M → M and P → P. Orange: weights on the other set. Settings differ in the weights
# only; heads and judges stay the same.
#
# `uunet figure fig13 --data M --weights of_M --other-data P --other-weights of_P` makes it.

# %%
support.figure("fig13")

# %% [markdown]
# ## On the other set, by hand
#
# $d'$ (Eq. 14) says how far genuine and impostor scores of $x \leftrightarrow a'$ are apart: near 0, the person is
# hidden. PSNR says how close $r$ is to $x$.

# %%
title = "face recognition, x ↔ a'"
left, right, kind = fig13.ENVIRONMENTS[title]
print(f"{'weights':14}{'heads':8}{'PSNR(x, r)':>12}{'d-prime':>10}   of a few sample heads")
for some in fig13.crossings(context):
    psnr = metrics.psnr(some.heads.images, some.version("r")).mean()
    chosen = histograms.pairs(some.heads, kind, np.random.default_rng(0))
    d = histograms.compare(some, "own", left, right, chosen)["d"]
    print(f"{some.weights:14}{some.folder.name:8}{psnr:9.1f} dB{d:10.2f}")

# %% [markdown]
# **Try:** `title = "temporal consistency, a_t ↔ a_t+k"`. For this one, a *large* d' is good. Which is more sensitive to
# a new set?
#
# ## What the paper says and what we measured

# %%
support.table("fig13")

# %% [markdown]
# **What differs, and why.** The paper prints bars without numbers, and trains twice with one recipe. Here the sets are
# two kinds of rendered footage. They are more alike than MARS and P-DESTRE: the same modelled heads, seen by other
# cameras. `own` is trained on the set on which the weights are used, never on the set on which they were learned.
