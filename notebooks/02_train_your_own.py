# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Train your own
#
# **The paper's claim** (sections III-A and III-B, Fig. 2): there are two learning phases. First, a classifier $D_a$
# learns which of four labels (ID, gender, ethnicity, hairstyle) two heads share. Then $D_a$ is frozen. $U_e$, which
# de-identifies, and $U_d$, which reconstructs, are trained with it and with a critic $D_f$, which scores how real a
# head looks.
#
# Both phases run here, on 32 rendered heads of four people that come with the repository.
#
# **What it costs:** two minutes on two CPU cores. After so few steps nobody is hidden. `full` mode, on a set that you
# render yourself, takes hours and shows more.

# %%
import csv
import dataclasses
import os
import tempfile
from pathlib import Path

import cv2
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown
from matplotlib_inline.backend_inline import set_matplotlib_formats

import uunet
from uunet import config, data
from uunet.models import files
from uunet.training import adversarial, classifier, objective

RUN = os.environ.get("UUNET_RUN", "read")  # read, smoke or full
DATA = Path(uunet.__file__).parents[1] / "data_prep" / "sample" / "cctv"
small = config.SMALL
first = dataclasses.replace(small.classifier, batch_pairs=32, steps=60, checkpoint_every=10)
second = dataclasses.replace(
    small.adversarial, width=8, critic_width=8, subjects=2, channel=config.ChannelConfig(sizes=(48, 64)),
    generator_optimizer=config.Optimizer("adam", 1e-3, beta_1=0.5),
    critic_optimizer=config.Optimizer("adam", 1e-4, beta_1=0.5), steps=240, checkpoint_every=40,
)  # fmt: skip
if RUN == "smoke":
    first, second = config.SMOKE.classifier, config.SMOKE.adversarial
if RUN == "full":  # python -m data_prep.synthetic --domain cctv --preset full --out heads
    first, second, DATA = small.classifier, small.adversarial, Path("heads")

set_matplotlib_formats("jpeg", pil_kwargs={"quality": 88})
plt.rcParams.update({"figure.dpi": 90, "figure.constrained_layout.use": True, "axes.titlesize": 9})
runs = Path(tempfile.mkdtemp())

# %% [markdown]
# ## Learning I: pairs
#
# For a pair of heads with labels $l, l'$, the truth is (Eq. 1)
#
# $$b = \big[\,1\{l_1 = l'_1\}, \ldots, 1\{l_t = l'_t\}\,\big]$$

# %%
heads = data.load(DATA, "train")
pairs = data.pair_batch(heads, first, step=0)
chosen = np.linspace(0, len(pairs["b"]) - 1, 8).astype(int)
figure, axes = plt.subplots(2, 8, figsize=(11, 3.1))
for column, k in zip(axes.T, chosen, strict=True):
    column[0].imshow(pairs["x"][k])
    column[1].imshow(pairs["x_prime"][k])
    column[0].set_title("b = " + " ".join(str(int(one)) for one in pairs["b"][k]))
for axis in axes.flat:
    axis.axis("off")

# %% [markdown]
# $D_a$ predicts $\hat b = D_a(x, x') \in [0, 1]^t$ (Eq. 2). It minimises the cross-entropy (Eqs. 3 and 4), which
# `losses.pairwise_cross_entropy` computes:
#
# $$L_{ce} = E\big[-b^T \log \hat b - (1 - b)^T \log(1 - \hat b)\big]$$

# %%
_, areas = classifier.train(first, DATA, runs / "classifier", verbose=0)


def log_of(run):
    """Columns of a run's log.csv: name -> values."""
    with open(runs / run / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows] for name in rows[0]}


log = log_of("classifier")
figure, axis = plt.subplots(figsize=(6, 2.4))
axis.plot(log["step"], log["ce"], "o-", label="cross-entropy, Eq. 3")
axis.plot(log["step"], log["accuracy"], "o-", label="share of labels answered rightly")
axis.axhline(len(first.labels) * np.log(2), color="gray", linestyle=":", label="cross-entropy of a coin")
axis.set(xlabel="step", ylim=(0, None))
axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
# %% [markdown]
# That was measured on the people of the training set. For two people that $D_a$ has not seen, we compute the area under
# the ROC curve of each label. 0.5 is chance. A label that is the same for both people has no curve:

# %%
print({label: area if area is None else round(area, 2) for label, area in areas.items()})

# %% [markdown]
# ## Learning II: six losses at once
#
# $D_a$ is frozen. $U_e$ makes $a$ from $x$ and noise, $U_d$ makes $r$ from $a$, and both minimise (Eq. 13)
#
# $$\omega_{mse} L_{mse} + \omega_{adv} L_{adv} + \omega_{ano} L_{ano} + \omega_{con} L_{con} + \omega_{div} L_{div}
#   + \omega_{dis} L_{dis}$$
#
# | term | Eq. | what it rewards |
# |---|---|---|
# | mse | 5 | $r = x$ |
# | adv | 8 | $a$ and $r$ that $D_f$ takes for real (Eqs. 6 and 7 train $D_f$) |
# | ano | 9 | labels of $a$ that differ from those of $x$ where $s = -1$ and agree where $s = 1$ |
# | con | 10 | the same virtual person in all frames of a sequence |
# | div | 11 | another virtual person in another sequence |
# | dis | 12 | the colours of $x$ |
#
# Each term is a function of `uunet.losses`. Their values for untrained networks of this configuration, on one batch:

# %%
known = runs / "classifier" / "classifier.safetensors"
networks = adversarial.build_networks(second, files.load(known))
batch = data.sequence_batch(heads, dataclasses.replace(second, channel=config.ChannelConfig()), step=0)
total, terms = objective.generator_objective(networks, None, second, batch)
for name, term in terms.items():
    print(f"{name}  {float(term):8.3f}  x {getattr(second.weights, name)}")
print(f"Eq. 13: {float(total):.3f}")

# %% [markdown]
# Now some steps of training. Every few steps, `uunet train` writes a sheet: $x$, $a$ and $r$ of people who are not in
# the training set.

# %%
adversarial.train(second, [known], DATA, runs / "uunet", verbose=0)
sheets = sorted((runs / "uunet" / "sheets").glob("*.png"))
shown = [sheets[k] for k in sorted(set(np.linspace(0, len(sheets) - 1, 3).astype(int)))]
figure, axes = plt.subplots(len(shown), 1, figsize=(9, 2.4 * len(shown)), squeeze=False)
for axis, path in zip(axes.flat, shown, strict=True):
    axis.imshow(cv2.imread(str(path))[..., ::-1])
    axis.set(title=f"after {int(path.stem.split('_')[1])} steps: x, a, r", xticks=[], yticks=[])

# %% [markdown]
# Watch the sheet, not the loss: a person is hidden only if *you* no longer recognise them. The terms compete with each
# other: $a = x$ is perfect for all but one of them.

# %%
log = log_of("uunet")
figure, axes = plt.subplots(1, 6, figsize=(12, 1.9))
for axis, name in zip(axes, ("mse", "adv", "ano", "con", "div", "dis"), strict=True):
    axis.plot(log["step"], log[name], "o-")
    axis.set_title(name)

# %% [markdown]
# $L_{ano}$ cannot be less than -4, and it is near -4 after some dozens of steps: for $D_a$, every $a$ shows another
# person. Do you agree?
#
# **Try:** add `weights=config.LossWeights(ano=0.2)` to `second`. For a tenth of this weight, the paper says that "$U_e$
# works practically as an identity operator" (Fig. 14). Or try `s=(-1, -1, -1, -1)`: every label should change.
#
# ## What the paper says and what we measured

# %%
table = [
    "| | paper | ours, here | command |",
    "|---|---|---|---|",
    f"| heads to learn from | up to a million | {len(heads.images)} | `python -m data_prep.synthetic` |",
    f"| steps of learning II | not given; published code 120,000 | {second.steps} | `uunet train` |",
    f"| PSNR(x, a), dB | not given | {log['psnr_a'][-1]:.1f} | this notebook |",
    f"| PSNR(x, r), dB | not given | {log['psnr_r'][-1]:.1f} | this notebook |",
]
Markdown("\n".join(table))

# %% [markdown]
# **What differs, and why.** The paper's setting is `--config paper`: width 64, five critic steps per generator step,
# RMSprop. Two CPU cores can train `--config small`: it is narrower, $U_d$ learns the difference to its input, and $U_d$
# sees $a$ as the pipeline pastes it. [weights/README.md](../weights/README.md) gives its results after hours of
# training. The frozen $D_a$ can be deceived by patches that deceive no other recogniser (REPRODUCTION.md, row 31). So
# the weights that hide people better are trained from paired targets, `uunet train-twins`
# ([docs/training-log.md](../docs/training-log.md)).
