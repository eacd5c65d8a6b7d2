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
# **The paper's claim**: one person gets different virtual faces in different sequences, so a virtual face does not
# reveal that the same person was recorded by several cameras. Pairs $a_j \leftrightarrow a_k$ of one person can hardly
# be separated from pairs of two people: $d'$ should be near 0.
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
# `uunet figure fig10` makes it. Here a *good* result is two distributions that overlap, unlike in [fig.
# 7](09_fig07_consistency.ipynb).

# %%
support.figure("fig10")

# %% [markdown]
# ## One person, two sequences
#
# Columns: frames of one sequence, then of another. Below $x$ are two public versions, each with other noise:

# %%
context = support.sample()
heads = context.heads
of_one = np.concatenate([sequence[:4] for sequence in next(iter(heads.by_subject.values()))])
x, sequences = heads.images[of_one], heads.sequences[of_one]
encoder = context.networks[0].encoder
figure, axes = plt.subplots(3, len(x), figsize=(1.3 * len(x), 4))
sheets.show(axes[0], x, [f"sequence {k}" for k in sequences])
for row, seed in zip(axes[1:], (0, 1), strict=True):
    sheets.show(row, engine.Deidentifier(encoder, seed)(x, sequences))

# %% [markdown]
# ## Eq. 11, and its opposite
#
# $$L_{div} = E\big[\mathbf{1}^T D_a(a_{ij\cdot}, a_{ij'\cdot})\big], \quad j \ne j' \qquad \text{(Eq. 11)}$$
#
# Eq. 10 rewards agreement of the frames of one sequence. Eq. 11 is the same sum with the other sign: it rewards
# disagreement of the sequences of one person. Both can be satisfied only if the virtual person depends on the sequence:

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
# **What differs, and why.** Background, clothes and the hair outside the head stay, and a recogniser of whole crops
# identifies people by them. Where the noise chooses among few virtual people, two sequences sometimes get the same one.
