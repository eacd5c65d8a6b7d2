# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # An inverse of U_e, learned from pairs without U_d
#
# **The paper's claim**: "only" the private module, which has $U_d$, gets the faces back. But $x$ is in the pixels of
# $a$, and anybody who has enough pairs $(x, a)$ can train a network to find it. This notebook goes beyond the paper:
# how many pairs are needed?
#
# **What it costs:** a quarter of a minute on two CPU cores; `uunet attack` itself half an hour.

# %%
import json

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import Ridge

from notebooks import support
from uunet import metrics, pixels
from uunet.experiments import report, sheets

record = json.loads((report.EVALUATION.parent / "twin-cctv-attack.json").read_text(encoding="utf-8"))
context = support.sample()

# %% [markdown]
# ## Two attackers
#
# The first has N pictures and *the encoder*: anybody who buys a camera can make any number of pairs, each with new
# noise. The second has N pairs that were once released, *outputs*, and no network. Both train a U-Net $f$ on
#
# $$\min_f \; E\big[(f(a) - x)^2\big]$$
#
# and are tested on other people. Rows of the sheet that `uunet attack` makes: $x$; $a$; what the attackers recover,
# first with the encoder and then with outputs, for N = 100, 1,000 and 10,000 each; and $r = U_d(a)$.

# %%
sheet = plt.imread(report.EVALUATION.parent / "twin-cctv-attack.png")
figure, axis = plt.subplots(figsize=(10, 10 * sheet.shape[0] / sheet.shape[1]))
axis.imshow(sheet)
axis.axis("off")
# %% [markdown]
# ## The effect of N
#
# Left: PSNR of the recovered heads. Right: whether dlib takes them for the person, AUC against $x'$ of another
# sequence. Lines: what the private module gets; what anybody gets who looks at $a$; and, for PSNR, one mean face for
# all people.

# %%
whole = {row["answer"]: row for row in record["rows"] if row["answer"] != "inverse"}
judge = record["provenance"]["judges"][0]
measures = {"PSNR to x, dB": lambda row: row["psnr"], f"AUC to x', {judge}": lambda row: row["judges"][judge]["auc"]}
figure, axes = plt.subplots(1, 2, figsize=(11, 3.6))
for axis, (title, read) in zip(axes, measures.items(), strict=True):
    for known, colour in (("encoder", "tab:red"), ("outputs", "tab:blue")):
        rows = [row for row in record["rows"] if row.get("known") == known]
        middle = np.array([read(row)["mean"] for row in rows])
        reach = np.abs([[read(row)[end] for row in rows] for end in ("low", "high")] - middle)
        axis.errorbar([row["pairs"] for row in rows], middle, reach, color=colour, marker="o", capsize=3,
                      label=f"inverse, knows {known}")  # fmt: skip
    for answer, style in (("U_d", "-"), ("a", "--"), ("mean face", ":")):
        if read(whole[answer]):
            axis.axhline(read(whole[answer])["mean"], color="gray", linestyle=style, label=answer)
    axis.set(xscale="log", xlabel="N, known pairs", title=title)
axes[0].legend(fontsize=8)
# %% [markdown]
# ## By hand: the simplest attacker
#
# Each pixel of $x$ is predicted as a weighted sum of the 5 × 5 pixels of $a$ around it: 75 weights per colour, learned
# by least squares from the heads of one person, and tested on another person.

# %%
heads = context.heads
x, a = pixels.to_float(heads.images), pixels.to_float(context.version("a"))
person = heads.labels[:, 0]
known = person == person[0]


def patches(images, reach=2):
    """(n, 64, 64, 3) -> (n 64 64, 75): what is around each pixel."""
    padded = np.pad(images, ((0, 0), (reach, reach), (reach, reach), (0, 0)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * reach + 1,) * 2, axis=(1, 2))
    return windows.reshape(len(images) * 64 * 64, -1)


linear = Ridge(1e-3).fit(patches(a[known]), x[known].reshape(-1, 3))
recovered = pixels.to_uint8(linear.predict(patches(a[~known])).reshape(-1, 64, 64, 3))
shown = np.flatnonzero(~known)[:4]
figure, axes = plt.subplots(3, 4, figsize=(7, 5.4))
r = context.version("r")
for row, (name, images) in zip(axes, {"x": heads.images[shown], "linear": recovered[:4], "r": r[shown]}.items(),
                               strict=True):  # fmt: skip
    sheets.show(row, images, [f"{name}: {value:.1f} dB" if name != "x" else "x"
                             for value in metrics.psnr(heads.images[shown], images)])  # fmt: skip
others = heads.images[~known]
for name, images in {"a itself": context.version("a")[~known], "linear": recovered, "U_d": r[~known]}.items():
    print(f"{name}: {metrics.psnr(others, images).mean():.1f} dB")

# %% [markdown]
# **Try:** `reach=0` in `patches`. What can a linear attacker still recover from single pixels?
#
# ## What the paper says and what we measured

# %%
lines = ["| | paper | ours: PSNR to x, dB | command |", "|---|---|---|---|"]
for row in record["rows"]:
    name = f"inverse, knows {row['known']}, N = {row['pairs']:,}" if "known" in row else row["answer"]
    value = "–" if row["answer"] == "x" else "{mean:.2f} ({low:.2f} to {high:.2f})".format(**row["psnr"])
    lines.append(f"| {name} | not reported | {value} | `{record['provenance']['command']}` |")
support.Markdown("\n".join(lines))

# %% [markdown]
# **What it means.** The box message can be sealed with a key, but no key hides a face: the only protection is that
# others do not have $U_d$. Anybody who has the encoder can train a $U_d$ of their own. So can anybody who gets a
# hundred released heads with their originals; no network is needed. So the encoder and every pair must be kept as
# secret as the decoder.
