# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Fig. 8: how near are virtual people to their originals?
#
# **The paper's claim**: in a 2-D embedding, virtual people $a$ are near their originals $x$ where all soft labels agree
# (*All Equal*), and far from them where none agrees (*All Different*). They spread more than the originals.
#
# **What it costs:** half a minute on two CPU cores.

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.neighbors import NeighborhoodComponentsAnalysis

from notebooks import support
from uunet.evaluation import pairs
from uunet.experiments import fig08, sheets
from uunet.experiments.context import SETTINGS

# %% [markdown]
# ## The figure
#
# `uunet figure fig08` makes it: six people, one colour each, $x$ with black borders and $a$ without. The numbers are
# measured on all people of the split.

# %%
support.figure("fig08")

# %% [markdown]
# ## From 64 numbers to two
#
# A recogniser turns each head into an embedding $e$ of 64 numbers. Which plane shows best who is who? Neighbourhood
# components analysis looks for a $2 \times 64$ matrix $A$. Each head picks a neighbour at random, a near one with
# higher probability; $A$ is chosen so that the neighbour is most often of the same class:
#
# $$p_{ij} = \frac{\exp(-\lVert A e_i - A e_j \rVert^2)}{\sum_{k \ne i} \exp(-\lVert A e_i - A e_k \rVert^2)}, \qquad
#   \max_A \sum_i \sum_{j \,\in\, \text{class of } i} p_{ij}$$
#
# An example: three classes of invented embeddings, which differ in one of 64 directions and are noise in the others.
# $A$ finds that direction:

# %%
rng = np.random.default_rng(0)
classes = np.repeat([0, 1, 2], 60)
e = rng.normal(0, 1, (180, 64))
e[:, 17] = 0.3 * e[:, 17] + 2 * classes
learnt, shown = slice(0, None, 2), slice(1, None, 2)  # every other
analysis = NeighborhoodComponentsAnalysis(2, random_state=0).fit(e[learnt], classes[learnt])
planes = {"the first two of 64": np.eye(2, 64), "A": analysis.components_}
figure, axes = plt.subplots(1, 2, figsize=(8, 2.8))
for axis, (name, matrix) in zip(axes, planes.items(), strict=True):
    axis.scatter(*(e[shown] @ matrix.T).T, c=classes[shown], cmap="tab10", vmax=9, s=15)
    axis.set_title(name, fontsize=9)

# %% [markdown]
# The points that are shown must not be those from which the plane was learned: with 64 numbers and few heads, *some*
# plane separates anything. So the plane of the figure is learned from people of the train split and their virtual
# people. Each of them is a class: 100 classes, as in the paper.
#
# **Try:** `learnt = shown = slice(0, None, 2)` in the line that defines both. How much better are the classes
# separated? Could you tell without the other picture?
#
# ## Near, in numbers
#
# For each $a$: does the nearest $x$ of another sequence show the same person? And how far is $a$ from its own $x$,
# relative to the mean distance between two people? Here for the two people of the sample, in all 64 dimensions (there
# are too few heads to learn a plane):

# %%
context = support.sample()
heads = context.heads
everybody = np.arange(len(heads.images))
chosen = pairs.sample(heads, 0)
x = context.embedded(heads.images)
figure, axes = plt.subplots(2, 9, figsize=(11, 2.7))
for row, (setting, s) in zip(axes, SETTINGS.items(), strict=True):
    a = context.following(s, everybody)
    places = {"x": x, "a": context.embedded(a)}  # all 64 numbers
    found = fig08.measured(heads, chosen, places)
    sheets.show(row, [heads.images[0], *a[::2]], ["x", setting])
    print(f"{setting:14} from x to its a: {found['distance']['value']:.2f};",
          f"spread of x {found['spread']['x']:.2f}, of a {found['spread']['a']:.2f}")  # fmt: skip

# %% [markdown]
# ## What the paper says and what we measured

# %%
support.table("fig08")

# %% [markdown]
# **What differs, and why.** The paper's VGG-19 was trained on the 100 classes itself. Our recogniser has never seen an
# $a$; only the plane was learned from them. Its embedding uses the whole crop: hair, clothes and background around the
# head stay, and move $a$ towards $x$ for every $s$. $x$ and $a$ of one person are two classes, so the plane is learned
# to separate them; only *how far* depends on $s$. Two dimensions hold little information on who somebody is: few $x$
# are nearest to an $x$ of the same person. The picture shows six people; the numbers are of all people.
