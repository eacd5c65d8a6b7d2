# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Fig. 11: the same input, other noise
#
# **The paper's claim**: its noise channel makes $U_e$ stochastic. Repeated on the same head, it gives another $a$, but
# the reconstruction still shows the same person: residuals of $r$ are small, and $r$ and $r'$ of one input are always
# recognised as one person.
#
# **What it costs:** a quarter of a minute on two CPU cores.

# %%
import matplotlib.pyplot as plt
import numpy as np

from notebooks import support
from uunet import pixels
from uunet.experiments import sheets

# %% [markdown]
# ## The figure
#
# `uunet figure fig11` makes it: $a - a'$ and $r - r'$ per pixel, and whether $r$ and $r'$ are recognised as one person.

# %%
support.figure("fig11")

# %% [markdown]
# ## Two public versions of one head
#
# $a = U_e(x, n)$ and $a' = U_e(x, n')$; $r = U_d(a)$ and $r' = U_d(a')$:

# %%
context = support.sample()
shown = np.arange(len(context.heads.images))[::4]
versions = {name: context.some(name, shown) for name in ("x", "a", "a'", "r", "r'")}
figure, axes = plt.subplots(len(shown), 7, figsize=(9, 1.35 * len(shown)), squeeze=False)
for k, row in enumerate(axes):
    pictures = [version[k] for version in versions.values()]
    far = [0.5 + (versions[name][k].astype(float) - versions[f"{name}'"][k]) / 255 for name in ("a", "r")]
    sheets.show(row, [*pictures, *far], [*versions, "a − a'", "r − r'"] if k == 0 else ())

# %% [markdown]
# Grey is zero. The noise is U(0, 1) in every pixel; training decides how $U_e$ uses it:

# %%
noise = pixels.noise_channel(np.random.default_rng(0), 64)
spread = {name: float((versions[name].astype(float) - versions[f"{name}'"]).std() / 255) for name in ("a", "r")}
figure, axes = plt.subplots(1, 2, figsize=(7, 2), width_ratios=(1, 3))
axes[0].imshow(noise, cmap="gray")
axes[0].axis("off")
axes[0].set_title("noise channel", fontsize=9)
axes[1].barh([f"{name} − {name}'" for name in spread], list(spread.values()))
axes[1].set_xlabel("standard deviation of a value in [0, 1]")
axes[1].invert_yaxis()

# %% [markdown]
# For reconstruction, $r$ must not depend on the noise; for diversity (Eq. 11), $a$ must. Both are possible as long as
# $a$ still holds all of $x$.
#
# **Try:** `[::2]` instead of `[::4]`: do two frames of one sequence get the same $a$? Which part of the program decides
# that?
#
# ## What the paper says and what we measured

# %%
support.table("fig11")

# %% [markdown]
# **What differs, and why.** The published code draws the noise as randint / 255, anew for each frame; here it is U(0,
# 1), one draw per sequence (REPRODUCTION.md, row 20). Genuine pairs are $r \leftrightarrow r'$ of one head, as in the
# paper. This is a weaker test than $r \leftrightarrow x'$ of another sequence, which `uunet evaluate` measures.
