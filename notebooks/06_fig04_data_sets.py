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
# **The paper's claim**: the method is trained on three surveillance sets, BIODI, MARS and P-DESTRE, and tested on the
# sharper YouTube Faces as well. None of them can be shipped, so `data_prep` renders heads in four kinds of footage that
# resemble them.
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
# `uunet figure fig04 --data heads/cctv` makes it, for any prepared set.

# %%
support.figure("fig04")

# %% [markdown]
# ## Four kinds of footage
#
# Two sequences of one person from each sample, in the order of the paper's sets. A *sequence* shows a person in front
# of one camera. Everything but the person changes from one sequence to the next.

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
# ## What the data set says of each head
#
# A set is a `manifest.csv` with one row per head: who it is, and the three soft labels of section III-A. `data.load`
# reads one split. No person is in two splits:

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
# **Try:** `SAMPLE / "uav"` in the last cell. Which values of the labels does this sample lack?
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
# **What differs, and why.** Our heads are rendered: labels and poses are exact, and no real person is shown. Results on
# them say nothing about the paper's sets. [data_prep/README.md](../data_prep/README.md) says how to turn a copy of one
# of those sets into the same manifest, and what an independent recogniser measures on the rendered heads.
