# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Fig. 6: who is recognised?
#
# **The paper's claim**: in $x$, a recogniser separates pairs of one person (*genuine*, green) from pairs of two people
# (*impostor*, red). Once the second image of each pair is de-identified, it hardly does.
#
# **What it costs:** a quarter of a minute on two CPU cores.

# %%
import matplotlib.pyplot as plt
import numpy as np

from notebooks import support
from uunet.evaluation import recognition
from uunet.experiments import histograms, sheets

# %% [markdown]
# ## The figure
#
# `uunet figure fig06` makes it. Left: $x \leftrightarrow x'$; right: $x \leftrightarrow a'$. Above: a recogniser
# trained on this footage, in the role of the paper's VGGFace2; below: dlib's, trained on real people.

# %%
support.figure("fig06")

# %% [markdown]
# ## The pairs
#
# Genuine pairs come from two *sequences*. Frames of one sequence share their background, which alone would reveal the
# pair.

# %%
context = support.sample()
genuine, impostor = histograms.pairs(context.heads, "other sequence", np.random.default_rng(0))
figure, axes = plt.subplots(3, 8, figsize=(9, 3.6))
shown = np.concatenate([genuine[:: len(genuine) // 4][:4], impostor[:: len(impostor) // 4][:4]])  # (8, 2)
for row, pictures in zip(axes, (context.some("x", shown[:, 0]), context.some("x", shown[:, 1]),
                                context.some("a", shown[:, 1])), strict=True):  # fmt: skip
    sheets.show(row, pictures, ["genuine"] * 4 + ["impostor"] * 4 if row is axes[0] else ())
print("rows: x, x', a'")

# %% [markdown]
# ## Scores, and one number for two distributions
#
# A recogniser turns a face into an embedding $e$. The score of a pair is $-\lVert e - e' \rVert$. The decidability says
# how far the two distributions of scores are apart (Eq. 14, as printed; Daugman's is $\sqrt 2$ times larger):
#
# $$d' = \frac{\mu_G - \mu_I}{\sqrt{\sigma_G^2 + \sigma_I^2}}$$

# %%
rng = np.random.default_rng(0)
figure, axes = plt.subplots(1, 3, figsize=(11, 2.2), sharey=True)
for axis, distance in zip(axes, (0, 1, 3), strict=True):
    heaps = rng.normal(distance, 1, 5000), rng.normal(0, 1, 5000)
    for heap, colour in zip(heaps, (histograms.GREEN, histograms.RED), strict=True):
        axis.hist(heap, 60, color=colour, alpha=0.55, density=True)
    area = recognition.areas(*heaps, np.ones((1, 5000), int), np.ones((1, 5000), int))[0]
    axis.set_title(f"d' = {recognition.decidability(*heaps):.2f}, AUC = {area:.2f}", fontsize=9)

# %% [markdown]
# AUC is the probability that a genuine pair has a higher score than an impostor pair: 0.5 is chance. Tails of the
# distributions distort $d'$, but not AUC. Now all pairs of these two people, scored by dlib. This is the plot of the
# figure, computed step by step:

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 3))
for axis, right in zip(axes, ("x", "a"), strict=True):
    found = histograms.compare(context, "dlib", "x", right, (genuine, impostor))
    histograms.plot(axis, found, f"x ↔ {right}'")

# %% [markdown]
# **Try:** `"same sequence"` instead of `"other sequence"`. Why is $d'$ of $x$ larger, and what does it measure?
#
# ## What the paper says and what we measured

# %%
support.table("fig06")

# %% [markdown]
# **What differs, and why.** The paper uses one recogniser per set. We use two: one was trained on this footage, one was
# not, and neither took part in training U_e. Where a recogniser finds no face there is no score; such pairs are counted
# separately under each plot. A recogniser that is trained on de-identified faces recognises more:
# `uunet evaluate --judges adaptive`.
