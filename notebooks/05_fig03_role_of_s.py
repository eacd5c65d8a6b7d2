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
# **The paper's claim**: there are $t = 4$ labels: ID, gender, ethnicity and hairstyle. $s \in \{-1, 0, 1\}^t$ says for
# each label how the virtual head relates to the original: 1 = same value, -1 = different value, 0 = any value. $s$ of
# the ID is always -1.
#
# **What it costs:** 15 seconds on two CPU cores. A network is loaded for each $s$.

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
# $s$ is the weight of each output of $D_a(x, a)$ in the loss (Eq. 9; its sign is corrected, see REPRODUCTION.md, row
# 1). An output of $D_a(x, a)$ is the probability that $x$ and $a$ have the same value of a label.
#
# $$L_{ano} = E\big[-s \cdot (2 D_a(x, a) - 1)\big]$$
#
# Consider a head $a$ of another person with the same gender, the same ethnicity and another hairstyle. The plot shows
# the loss of this head for four choices of $s$.

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
# The loss is lowest (-4) for 'other hair', because this head has exactly the requested labels. A label with $s_k = 0$
# has no influence.
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
# | gender of a and requested gender: Pearson | .84 | 0.491 | `uunet evaluate` |
# | ethnicity of a and requested ethnicity: Pearson | .69 | 0.617 | `uunet evaluate` |
# | hairstyle of a and requested hairstyle: Pearson | .63 | 0.547 | `uunet evaluate` |
#
# The correlations are for $s$ = "all equal". The paper's are means of three data sets (Table III). Ours are of the test
# split of rendered heads ([record](../docs/weights/twin-cctv.json)).
#
# **What differs, and why.** The paper trains a new $U_e$ for each $s$. Ours was trained from paired targets (*twins*):
# it reads the labels of $x$ and shows a virtual person with the labels that $s$ asks for, so $s$ can be chosen after
# training (`uunet deidentify --s`). The published code supports only $s = (-1, \ldots, -1)$.
