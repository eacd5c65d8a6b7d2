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
# **The paper's claim**: for each label (ID, gender, ethnicity, hairstyle), $s \in \{-1, 0, 1\}^t$ says whether the
# virtual head should agree with the original (1), differ from it (-1), or be free (0). $s_{ID} = -1$ always.
#
# **What it costs:** a quarter of a minute on two CPU cores; a network is loaded for each $s$.

# %%
import matplotlib.pyplot as plt
import numpy as np

from notebooks import support
from uunet import losses

# %% [markdown]
# ## The figure
#
# `uunet figure fig03` makes it: one row per person, one column per $s$.

# %%
support.figure("fig03")

# %% [markdown]
# ## How s enters
#
# In training, $s$ weighs the answers of $D_a$ for $x$ and $a$ (Eq. 9, its sign corrected: REPRODUCTION.md, row 1):
#
# $$L_{ano} = E\big[-s \cdot (2 D_a(x, a) - 1)\big]$$
#
# Consider a head $a$ of another person, with the same gender and ethnicity and other hair. Its loss for each $s$:

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
# The bar at -4 belongs to the $s$ that asks for this head. A label with $s_k = 0$ has no influence.
#
# **Try:** `agreement = np.array([[1.0, 1.0, 1.0, 1.0]])`, that is, $a = x$. For which $s$ is this the lowest loss?
#
# ## Which s are accepted

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
# | faces for each s | Fig. 3, one network per s | one network that chooses by s | `uunet figure fig03` |
# | whether s is obeyed | Table III | Pearson, `uunet evaluate` | [docs/weights](../docs/weights/twin-cctv.json) |
#
# **What differs, and why.** The paper trains a new $U_e$ for each $s$. Ours was trained from paired targets (*twins*):
# it reads the labels of $x$ and shows a virtual person with the labels that $s$ asks for, so $s$ can be chosen after
# training (`uunet deidentify --s`). The published code supports only $s = (-1, \ldots, -1)$.
