# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Fig. 9: all equal against all different
#
# **The paper's claim**: with $s = [-1, 1, 1, 1]$ (*All Equal*) a virtual head keeps gender, ethnicity and hairstyle of
# the original; with $s = [-1, -1, -1, -1]$ (*All Different*) all of them change. With All Equal, virtual people vary
# less, and look more like the original.
#
# **What it costs:** a quarter of a minute on two CPU cores.

# %%
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown

from notebooks import support
from uunet import engine, labels
from uunet.experiments import fig09, sheets
from uunet.models import twin

# %% [markdown]
# ## The figure
#
# `uunet figure fig09` makes it: the same heads, left and right.

# %%
support.figure("fig09")

# %% [markdown]
# ## Which virtual people are possible?
#
# $U_e$ of these weights chooses among 160 virtual people, 4 for each combination of gender, ethnicity and hairstyle.
# `twin.choose` selects those whose labels agree with or differ from the original's as $s$ asks. For one original, the
# candidates are

# %%
values = {label: len(names) for label, names in labels.VALUES.items()}
left = {}
for name, s in fig09.SETTINGS.items():
    candidates = twin.ALIKE
    for count, wish in zip(values.values(), s[1:], strict=True):
        candidates *= {1: 1, -1: count - 1, 0: count}[wish]
    left[name] = candidates
figure, axis = plt.subplots(figsize=(6, 1.3))
axis.barh(list(left), list(left.values()))
axis.set_xlabel(f"virtual people, of {twin.PEOPLE}")
axis.invert_yaxis()

# %% [markdown]
# This count explains the paper's remark on variability: few candidates give little variety. Ten draws of the noise for
# one head, for each setting:

# %%
context = support.sample()
x = context.heads.images[:1]
figure, axes = plt.subplots(2, 11, figsize=(12, 2.5))
for row, (name, s) in zip(axes, fig09.SETTINGS.items(), strict=True):
    context.following(s, [0])  # the network for this s, kept for what follows
    encoder = context.kept["encoder", s]
    drawn = engine.Deidentifier(encoder, 0)(np.repeat(x, 10, axis=0), np.arange(10))
    sheets.show(row, [*x, *drawn], ["x", f"a: {name}"])

# %% [markdown]
# **Try:** add `s = (-1, 0, 0, 0)` to the settings that the second cell counts. Which of the three would you choose to
# hide a person, and which for a film whose story should stay understandable?
#
# ## What the paper says and what we measured

# %%
Markdown(f"""| | paper | ours | command |
|---|---|---|---|
| candidates for one head, all equal | "reduces the variability" | {left["All Equal"]} | this notebook |
| all different | not given | {left["All Different"]} | this notebook |
| are labels as s asks? | Table III | [docs/weights](../docs/weights/twin-cctv.json) | `uunet evaluate` |""")

# %% [markdown]
# **What differs, and why.** The paper trains one network per setting. Here one $U_e$, which chooses by $s$, is used
# with both settings.
