# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Fig. 7: does a virtual face stay the same?
#
# **The paper's claim**: a person keeps one virtual face through a sequence. A recogniser separates pairs of frames of
# one sequence, $a_t \leftrightarrow a_{t+k}$, from pairs of two people, and less than 15 % of consecutive frames change
# suddenly.
#
# **What it costs:** a quarter of a minute on two CPU cores.

# %%
import matplotlib.pyplot as plt
import numpy as np
from scipy import stats

from notebooks import support
from uunet import engine, losses
from uunet.experiments import histograms, sheets

# %% [markdown]
# ## The figure
#
# `uunet figure fig07` makes it. Here a *good* result is two distributions that are far apart.

# %%
support.figure("fig07")

# %% [markdown]
# ## One draw of the noise per sequence
#
# The fourth channel of $U_e$ is noise, U(0, 1). The pipeline draws it once for each person that it tracks. Above: one
# draw for all frames; below: another draw for each frame.

# %%
context = support.sample()
heads, encoder = context.heads, context.networks[0].encoder
sequence = next(iter(heads.by_subject.values()))[0]
x = heads.images[sequence]
steady = engine.Deidentifier(encoder, 0)(x, np.zeros(len(x), int))
restless = engine.Deidentifier(encoder, 0)(x, np.arange(len(x)))
figure, axes = plt.subplots(3, len(x), figsize=(1.5 * len(x), 4.4), squeeze=False)
for row, pictures in zip(axes, (x, steady, restless), strict=True):
    sheets.show(row, pictures)
print("rows: x; one draw per sequence; one per frame")

# %% [markdown]
# Eq. 10 asks for the same in training: $D_a$ should say that frames $k$ and $k'$ agree in every label:
#
# $$L_{con} = -E\big[\mathbf{1}^T D_a(a_{ijk}, a_{ijk'})\big]$$

# %%
for name, agreement in (("one person", np.ones((1, 4))), ("another person, same labels", np.array([[0, 1, 1, 1.0]]))):
    print(f"{name:30}{float(losses.consistency_loss(agreement)):.0f}")

# %% [markdown]
# ## The Kolmogorov-Smirnov test
#
# The test takes the largest distance between two distribution functions, and asks how probable it is if both samples
# come from one distribution ($p$):

# %%
rng = np.random.default_rng(0)
heaps = rng.normal(0.7, 1, 400), rng.normal(0, 1, 400)
test = stats.ks_2samp(*heaps)
figure, axis = plt.subplots(figsize=(5, 2.2))
for heap, colour in zip(heaps, (histograms.GREEN, histograms.RED), strict=True):
    axis.ecdf(heap, color=colour)
axis.axvline(test.statistic_location, color="gray", linestyle=":")
axis.set_title(f"distance {test.statistic:.2f}, p = {test.pvalue:.0e}", fontsize=9)
# %% [markdown]
# **Try:** 40 values per sample instead of 400. The distributions are as far apart as before. Why is $p$ so much larger?
# The paper's $p < 10^{-8}$ assumes that the pairs are independent, and pairs of the same few heads are not.
#
# ## What the paper says and what we measured

# %%
support.table("fig07")

# %% [markdown]
# **What differs, and why.** The paper does not define a sudden change. Here it is two consecutive $a$ that a recogniser
# takes for two people, at its equal-error threshold on $x$ (REPRODUCTION.md, row 34). In the published code, the term
# of Eq. 10 mixes sequences (row 15).
