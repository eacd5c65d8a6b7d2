# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Fig. 1 and Fig. 2: one frame through all parts
#
# **The paper's claim**: the camera replaces heads by virtual ones, and the stream is public. An authority gets the
# original heads back from the public pixels alone (Fig. 1). Fig. 2 shows which network receives what, in training and
# in use.
#
# **What it costs:** a quarter of a minute on two CPU cores.

# %%
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown
from skimage.metrics import peak_signal_noise_ratio as psnr

from notebooks import support
from uunet import engine, models, pipeline, presets, video_samples
from uunet.boxes import box_file
from uunet.experiments import fig02
from uunet.media import video_reading
from uunet.wire import messages, protocol

# %% [markdown]
# ## Inference: frame → heads → frame
#
# The public module finds heads $x$, computes $a = U_e(x, \text{noise})$, pastes it and hides the boxes. The private
# module reads the boxes, cuts out the same pixels, and computes $r = U_d(a)$.

# %%
net = presets.load(support.WEIGHTS)
frame = video_reading.read_frames(video_samples.WALK)[30]
heads = box_file.read(video_samples.WALK_HEADS).by_frame[30]  # as if a detector had found them
public = pipeline.deidentify(frame, net.encoder, box_file.GivenBoxes({0: heads}))
restored = pipeline.reconstruct(public, net.decoder)

figure, axes = plt.subplots(1, 3, figsize=(13, 3.6))
for axis, title, picture in zip(axes, ("original", "public", "restored"), (frame, public, restored), strict=True):
    axis.imshow(picture)
    axis.set_title(title)
    axis.axis("off")

# %% [markdown]
# The head with the largest box, step by step, with the shapes of Fig. 2:

# %%
roi = max((roi for _, roi in heads), key=lambda roi: roi.w * roi.h)


def crop(picture):
    return picture[roi.y : roi.y + roi.h, roi.x : roi.x + roi.w]


shape = (roi.h, roi.w)
deidentifier = engine.Deidentifier(net.encoder, seed=0)
pasted = deidentifier([crop(frame)], [0], shapes=[shape])  # 8 bits, in the ROI's size: all that U_d ever gets
(x,), (a,) = (engine.network_inputs(rois, deidentifier.size) for rois in ([crop(frame)], pasted))  # the networks' size
(r,) = engine.Reidentifier(net.decoder).faces(pasted)
steps = {"x": x, "noise": deidentifier.noise[0][..., 0], "a = U_e(x, noise), pasted": pasted[0], "a, as U_d sees it": a,
         "r = U_d(a)": r,
         "|x − r| × 5": np.clip(5 * np.abs(x - r), 0, 1)}  # fmt: skip
figure, axes = plt.subplots(1, len(steps), figsize=(13, 2.6))
for axis, (title, picture) in zip(axes, steps.items(), strict=True):
    axis.imshow(picture, cmap="gray")
    axis.set_title(f"{title}\n{' × '.join(map(str, picture.shape))}", fontsize=9)
    axis.axis("off")

# %% [markdown]
# ## Learning: four networks
#
# $D_a$ receives two heads at once, as six channels, and says which of $t = 4$ labels they share. $D_f$ scores each
# patch of a head: how real does it look? Neither is needed after training. Their input and output shapes, at the
# paper's sizes:

# %%
networks = {"D_a (frozen in learning II)": models.attribute_classifier(), "D_f (the critic)": models.patch_critic(),
            "U_e": net.encoder, "U_d": net.decoder}  # fmt: skip
for name, network in networks.items():
    print(f"{name:28} {network.inputs[0].shape[1:]} -> {network.outputs[-1].shape[1:]}")

# %% [markdown]
# Fig. 2 shows which network receives which images, in training and in use. The arrows of training are not drawn by
# hand: each objective is run with stand-ins for the networks, which record their inputs (`fig02.traced`):

# %%
calls, terms = fig02.traced()
for phase, made in calls.items():
    print(phase, *(f"{network}({', '.join(inputs)})" for network, inputs in made), "->", *terms[phase])

# %%
support.figure("fig02")

# %% [markdown]
# [02_train_your_own](02_train_your_own.ipynb) shows the training. In the caption of Fig. 2, "adversarial discriminator
# $D_a$" is a slip: it is $D_f$ (REPRODUCTION.md, row 7).
#
# **Try:** `shape = (24, 24)`, the ROI of a head that is far away. What does $r$ lose?
#
# ## The properties of Fig. 1 in numbers

# %%
message = protocol.format_message(messages.read_rois(public))
Markdown(f"""| | paper | ours, here | command |
|---|---|---|---|
| hidden: PSNR(x, a) of this head | not given | {psnr(crop(frame), crop(public)):.1f} dB | this notebook |
| reversible: PSNR(x, r) | not given | {psnr(crop(frame), crop(restored)):.1f} dB | this notebook |
| the pixels tell where | a message of ROIs | "{message}" | this notebook |
| frames alike outside the heads | "overlapped in the data stream" | one grey level at most | `make demo` |""")

# %% [markdown]
# **What differs, and why.** PSNR says how much pixels changed, not who is recognised; for that, see [fig.
# 6](08_fig06_recognition.ipynb). U_e here is not the paper's: it first makes an image of another person, and then hides
# the original in that image (`models.twin_encoder`), because weights trained with the paper's losses alone hid nobody.
