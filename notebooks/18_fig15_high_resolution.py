# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Fig. 15: learned at 256 pixels, used on small heads
#
# **The paper's claim**: YouTube Faces, near, sharp and 256 × 256, contains more information than footage of any
# surveillance camera. Weights learned on it and used on P-DESTRE give *poorer* results than those learned on visual
# surveillance: "the relative similarity between the learning/test domains is more important than the amount of
# information available in each learning element".
#
# **What it costs:** half a minute on two CPU cores.

# %%
import matplotlib.pyplot as plt

from notebooks import support
from uunet import engine, metrics
from uunet.evaluation import realism, transmission
from uunet.experiments import fig13, fig15, sheets

# %% [markdown]
# ## What a camera on a drone records
#
# Large heads (`hd`, after YouTube Faces), the same reduced to 64 pixels, and heads from a drone (`uav`, after
# P-DESTRE):

# %%
context = support.large_sample()
large, small = context, context.elsewhere
figure, axes = plt.subplots(3, 6, figsize=(10, 5))
shown = [some.heads.images[:: max(1, len(some.heads.images) // 6)][:6] for some in (large, small)]
reduced = transmission.seen(shown[0], small.heads.images.shape[1])
for row, pictures, title in zip(axes, (shown[0], reduced, shown[1]), ("hd, 256", "hd, 64", "uav, 64"), strict=True):
    sheets.show(row, pictures, [title])

# %% [markdown]
# ## From 64 pixels to 256 and back
#
# A ROI of 64 pixels is resized to the network's 256 pixels, and the output of U_e is resized to 64 again
# (`uunet.channel`). U_e hides $x$ in all 256 columns and rows; three quarters of them are lost before U_d. What was
# learned for ROIs of 96 pixels and more must work at 64.

# %%
x = large.heads.images[:8]
sequences = large.heads.sequences[:8]
net = large.networks[0]
print("ROI side, pixels   PSNR(x, r), dB, of large heads seen from ever farther away")
for side in (256, 128, 96, 64, 48):
    roi = transmission.seen(x, side)
    a = engine.Deidentifier(net.encoder, 0)(roi, sequences)
    print(f"{side:16}   {metrics.psnr(roi, engine.Reidentifier(net.decoder)(a)).mean():.1f}")

# %% [markdown]
# **Try:** `import cv2, numpy as np; x = np.stack([cv2.GaussianBlur(head, (0, 0), 3) for head in x])` first. Is the
# cause the *size*, or the content?
#
# ## The figure
#
# Blue: weights on the set they were learned on. Orange: the weights of large heads on small ones. Sharpness is a ratio
# of power spectra, here of the finest octave that heads of 64 pixels have: 1 is as sharp as $x$, below 1 is blurred. It
# is measured on $t$, which is $a$ before $x$ is hidden in it, and on $r$. Noise counts as sharp, so look at the images
# as well.
#
# The picture below is older. Its "sharpness" is the mean of $|\nabla^2|$, the Laplacian of the grey levels of $a$, in
# which the hidden pattern counts as detail. A new figure would show the power of $t$.
#
# `uunet figure fig15 --data heads/hd --weights twin-hd --other-data heads/uav --other-weights twin-uav` makes it.

# %%
support.figure("fig15")

# %% [markdown]
# ## One head, by hand
#
# The power spectrum of the luma of one head, per octave. $a$ has more power than $t$ where $x$ is hidden.

# %%
*_, crossed = fig15.settings(context)
head = [0]
pictures = {"x": small.some("x", head)}
for some in (small, crossed):
    for version in "tar":
        pictures[f"{version}, {fig13.short(some.weights)}"] = some.some(version, head)
figure, axes = plt.subplots(1, len(pictures), figsize=(11, 1.9))
for axis, (title, picture) in zip(axes, pictures.items(), strict=True):
    sheets.show([axis], [picture[0]], [title])
figure, axis = plt.subplots(figsize=(7, 3))
before = realism.power(pictures["x"])[0]
for title, picture in list(pictures.items())[1:]:
    axis.plot(realism.power(picture)[0] / before, label=title, linestyle=":" if title[0] == "t" else "-")
octaves = realism.octaves(pictures["x"].shape[1])
axis.set_xticks(range(len(octaves)), ["{}-{}".format(*octave) for octave in octaves])
axis.set_xlabel("cycles per head")
axis.set_ylabel("power relative to x")
axis.legend(fontsize=7)
# %% [markdown]
# ## What the paper says and what we measured

# %%
support.table("fig15")

# %% [markdown]
# **What differs, and why.** The paper shows pictures only. Here both sets are rendered from the same modelled heads, so
# they are more alike than YouTube Faces and P-DESTRE. The weights for 256 pixels are narrower than those for 64, and
# were trained on fewer people for far fewer steps (`weights/README.md`). Their faces are blurred on their own set, too.
# So the difference from the small heads' weights is in part a matter of training, and this comparison alone does not
# prove the paper's conclusion. The first bar shows what these weights reach on their own set; the difference between
# the first and the third bar is the effect of the other set and size. The 1.379 of the old measure on their own set is
# a grid of dots, in which $x$ is hidden, not detail.
