# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Fig. 3: the role of s
#
# **The paper's claim**: $s \in \{-1, 0, 1\}^t$ says for each label (ID, gender, ethnicity, hairstyle) whether the
# virtual head should agree with the original (1), differ (-1), or be left to chance (0). $s_{ID} = -1$ always.
#
# **What it costs:** a quarter of a minute on two CPU cores; each $s$ is a network to load.

# %%
import matplotlib.pyplot as plt
import numpy as np

from notebooks import support
from uunet import losses

# %% [markdown]
# ## The figure
#
# `uunet figure fig03` makes it: a row a person, a column an $s$.

# %%
support.figure("fig03")

# %% [markdown]
# ## How s enters
#
# While learning, $s$ weighs what $D_a$ says of $x$ and $a$ (Eq. 9, its sign corrected: REPRODUCTION.md, row 1):
#
# $$L_{ano} = E\big[-s \cdot (2 D_a(x, a) - 1)\big]$$
#
# A head $a$ of another person with the same gender and ethnicity and other hair has these losses:

# %%
agreement = np.array([[0.0, 1.0, 1.0, 0.0]])  # D_a(x, a): ID, gender, ethnicity, hairstyle
wishes = {"all equal": (-1, 1, 1, 1), "other hair": (-1, 1, 1, -1), "only the ID": (-1, 0, 0, 0),
          "all different": (-1, -1, -1, -1)}  # fmt: skip
lost = {name: float(losses.anonymization_loss(agreement, s)) for name, s in wishes.items()}
figure, axis = plt.subplots(figsize=(6, 1.9))
axis.barh([f"{name}, s = {wishes[name]}" for name in lost], list(lost.values()))
axis.set(xlabel="L_ano, lower is better", xlim=(-4.2, 0.5))
axis.invert_yaxis()

# %% [markdown]
# The bar that reaches -4 is the $s$ that wanted this head. With $s_k = 0$ a label has no say at all.
#
# **Try:** `agreement = np.array([[1.0, 1.0, 1.0, 1.0]])`, that is $a = x$. Which $s$ is content with it?
#
# ## s is obeyed or refused

# %%
try:
    losses.anonymization_loss(agreement, (1, 1, 1, 1))
except ValueError as error:
    print(error)

# %% [markdown]
# ## What the paper says and what we measured
#
# | | paper | ours | command |
# |---|---|---|---|
# | faces for each s | Fig. 3, one network an s | one network that chooses by s | `uunet figure fig03` |
# | whether s is obeyed | Table III | Pearson, `uunet evaluate` | [docs/weights](../docs/weights/twin-cctv.json) |
#
# **What differs, and why.** The paper learns $U_e$ anew for each $s$. Ours learnt from *twins*: it reads the labels of
# $x$ and draws a virtual person with the labels that $s$ asks for, so $s$ can be chosen afterwards
# (`uunet deidentify` and `models.twin.choose`). The published code knows only $s = (-1, \ldots, -1)$.
