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
# **The paper's claim**: a recogniser tells pairs of one person (*genuine*, green) from pairs of two people (*impostor*,
# red) in $x$; once the second picture of each pair is de-identified, hardly any more.
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
# `uunet figure fig06` makes it: left $x \leftrightarrow x'$, right $x \leftrightarrow a'$; above a recogniser trained
# on this footage, the role of the paper's VGGFace2, below dlib's, trained on real people.

# %%
support.figure("fig06")

# %% [markdown]
# ## The pairs
#
# Genuine pairs are of two *sequences*, as frames of one share their background, which alone would give them away.

# %%
material = support.sample()
genuine, impostor = histograms.pairs(material.heads, "other sequence", np.random.default_rng(0))
figure, axes = plt.subplots(3, 8, figsize=(9, 3.6))
shown = np.concatenate([genuine[:: len(genuine) // 4][:4], impostor[:: len(impostor) // 4][:4]])  # (8, 2)
for row, pictures in zip(axes, (material.some("x", shown[:, 0]), material.some("x", shown[:, 1]),
                                material.some("a", shown[:, 1])), strict=True):  # fmt: skip
    sheets.show(row, pictures, ["genuine"] * 4 + ["impostor"] * 4 if row is axes[0] else ())
print("rows: x, x', a'")

# %% [markdown]
# ## Scores, and one number for two heaps
#
# A recogniser turns a face into an embedding $e$; the score of a pair is $-\lVert e - e' \rVert$. How far the two heaps
# of scores are apart is the decidability (Eq. 14, as printed; Daugman's is $\sqrt 2$ times larger):
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
# AUC is the share of (genuine, impostor) that are in the right order: 0.5 is a coin. $d'$ can be fooled by tails, AUC
# cannot. Now all pairs of these two people, by dlib: the plot of the figure, for once
# from beginning to end:

# %%
figure, axes = plt.subplots(1, 2, figsize=(9, 3))
for axis, right in zip(axes, ("x", "a"), strict=True):
    found = histograms.compare(material, "dlib", "x", right, (genuine, impostor))
    histograms.draw(axis, found, f"x ↔ {right}'")

# %% [markdown]
# **Try:** `"same sequence"` instead of `"other sequence"`. Why is $d'$ of $x$ larger, and what does it measure?
#
# ## What the paper says and what we measured

# %%
support.table("fig06")

# %% [markdown]
# **What differs, and why.** The paper has one recogniser a set; ours is judged by one that saw this footage and by one
# that did not, and neither took part in training. A judge that finds no face has no score: its pairs are counted apart
# under each plot. Whoever re-trains a recogniser on de-identified faces sees more:
# `uunet evaluate --judges adaptive`.
