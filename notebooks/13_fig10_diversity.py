# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Fig. 10: another virtual face in another sequence
#
# **The paper's claim**: one person gets different virtual faces in different sequences, so that nobody is followed from
# camera to camera by their virtual face. $a_j \leftrightarrow a_k$ of one person are hardly told apart from pairs of
# two people: $d'$ should be near 0.
#
# **What it costs:** a quarter of a minute on two CPU cores.

# %%
import matplotlib.pyplot as plt
import numpy as np

from notebooks import support
from uunet import engine, losses
from uunet.experiments import sheets

# %% [markdown]
# ## The figure
#
# `uunet figure fig10` makes it. Here a *good* result is two heaps on top of each other, unlike in
# [fig. 7](09_fig07_consistency.ipynb).

# %%
support.figure("fig10")

# %% [markdown]
# ## One person, two sequences
#
# Columns: frames of one sequence, then of another. Below $x$, two releases of it, with other noise each:

# %%
material = support.sample()
heads = material.heads
of_one = np.concatenate([sequence[:4] for sequence in next(iter(heads.by_subject.values()))])
x, sequences = heads.images[of_one], heads.sequences[of_one]
encoder = material.networks[0].encoder
figure, axes = plt.subplots(3, len(x), figsize=(1.3 * len(x), 4))
sheets.show(axes[0], x, [f"sequence {k}" for k in sequences])
for row, seed in zip(axes[1:], (0, 1), strict=True):
    sheets.show(row, engine.Deidentifier(encoder, seed)(x, sequences))

# %% [markdown]
# ## The wish, and its opposite
#
# $$L_{div} = E\big[\mathbf{1}^T D_a(a_{ij\cdot}, a_{ij'\cdot})\big], \quad j \ne j' \qquad \text{(Eq. 11)}$$
#
# Eq. 10 wants frames of one sequence to agree; Eq. 11 wants sequences of one person not to, and is the same sum with
# the other sign. Both are content only if what is drawn depends on the sequence:

# %%
same, other = np.ones((1, 4)), np.zeros((1, 4))  # D_a: all labels agree, none does
plans = {"one face for ever": (same, same), "one face a sequence": (same, other), "one face a frame": (other, other)}
figure, axis = plt.subplots(figsize=(6, 1.8))
sums = {name: float(losses.consistency_loss(within) + losses.diversity_loss(across))
        for name, (within, across) in plans.items()}  # fmt: skip
axis.barh(list(sums), list(sums.values()))
axis.set_xlabel("L_con + L_div, lower is better")
axis.invert_yaxis()

# %% [markdown]
# **Try:** `sequences = np.zeros(len(x), int)` in the cell with the faces. Which of the three plans is that?
#
# ## What the paper says and what we measured

# %%
support.table("fig10")

# %% [markdown]
# **What differs, and why.** The background, the clothes and the hair outside the head stay, and a recogniser of whole
# crops knows people by them. Where noise chooses among few virtual people, two sequences get the same one now and then.
