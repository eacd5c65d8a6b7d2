# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Fig. 4: the data sets
#
# **The paper's claim**: the method learns from three surveillance sets, BIODI, MARS and P-DESTRE, and is tried on the
# sharper YouTube Faces. None of them can be shipped, so `data_prep` renders heads in four kinds of footage after them.
#
# **What it costs:** a few seconds.

# %%
from collections import Counter

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown

from notebooks import support
from notebooks.support import SAMPLE
from uunet import data, labels
from uunet.experiments import report

# %% [markdown]
# ## The figure
#
# `uunet figure fig04 --data heads/cctv` makes it of any prepared set.

# %%
support.figure("fig04")

# %% [markdown]
# ## Four kinds of footage
#
# Two sequences of one person of each sample, in the order of the paper's sets. A *sequence* is a person before one
# camera; everything but the person changes from one sequence to the next.

# %%
after = {"indoor": "BIODI", "cctv": "MARS", "uav": "P-DESTRE", "hd": "YouTube Faces"}
figure, axes = plt.subplots(4, 8, figsize=(10, 5.2))
for row, (domain, name) in zip(axes, after.items(), strict=True):
    heads = data.load(SAMPLE / domain, "test", size=256 if domain == "hd" else 64)
    one = next(iter(heads.by_subject.values()))[:2]  # indices of two sequences
    for axis, k in zip(row, np.concatenate([sequence[:4] for sequence in one]), strict=False):
        axis.imshow(heads.images[k])
    for axis in row:
        axis.set(xticks=[], yticks=[])
    row[0].set_ylabel(f"{domain}\nafter {name}", fontsize=8)

# %% [markdown]
# ## What is known of each head
#
# A set is a `manifest.csv`: a row a head, with who it is and the three soft labels of section III-A. `data.load` reads
# one split. Nobody is in two splits:

# %%
people = {split: set(data.load(SAMPLE / "cctv", split).labels[:, 0]) for split in data.SPLITS}
print({split: len(found) for split, found in people.items()}, "people, together", len(set.union(*people.values())))

# %%
heads = data.load(SAMPLE / "cctv", "train")
figure, axes = plt.subplots(1, 3, figsize=(10, 2))
for k, (axis, (label, values)) in enumerate(zip(axes, labels.VALUES.items(), strict=True), start=1):
    counts = Counter(values[code] for code in heads.labels[:, k])
    axis.bar(list(values), [counts[value] for value in values])
    axis.set_title(f"{label} of {len(heads.images)} heads", fontsize=9)
    axis.tick_params(labelsize=8)

# %% [markdown]
# **Try:** `SAMPLE / "uav"` in the last cell. Which labels does this sample lack?
#
# ## What the paper says and what we have

# %%
record = report.read("fig04")
ours = "no record yet"
if record:
    about = record["data"]
    ours = f"{about['heads']} heads of {about['people']} people, split {about['split']} of `{about['folder']}`"
Markdown(f"""| | paper | ours | command |
|---|---|---|---|
| MARS | 1,261 people, about 20,000 sequences | {ours} | `uunet figure fig04 --data heads/cctv` |
| P-DESTRE | 253 people | the same number, as seen from a drone | `uunet figure fig04 --data heads/uav` |""")

# %% [markdown]
# **What differs, and why.** Ours are rendered: labels and poses are exact, and no real person is in them. What is shown
# on them says nothing about the paper's sets. [data_prep/README.md](../data_prep/README.md) turns a copy of one of
# those into the same manifest, and says what an independent recogniser makes of the rendered ones.
