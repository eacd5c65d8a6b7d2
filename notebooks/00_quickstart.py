# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # De-identify and reconstruct your own picture or clip
#
# **The paper's claim** (Fig. 1): heads in a surveillance stream are replaced by virtual ones, and the stream is
# released. Only an authority that has the private module can reconstruct the original faces. The private module needs
# only the pixels of the public file.
#
# The shipped private module is public: anybody can reconstruct faces that were de-identified with the shipped weights.
#
# **What it costs:** a minute for the bundled clip on two CPU cores. On Colab, a button asks for a file of your own. The
# file stays on the machine that runs this page.
#
# > **Do not publish pictures of people that were de-identified with the shipped weights.** The weights show that all
# > parts work together. How well they protect people is measured below, and in `weights/README.md`.

# %%
import logging
import os
import sys
from pathlib import Path

import cv2
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown
from matplotlib_inline.backend_inline import set_matplotlib_formats

from uunet import metrics, pipeline, presets, video_samples
from uunet.boxes import box_file, detection
from uunet.errors import UUNetError
from uunet.evaluation import alignment
from uunet.evaluation.judges import dlib
from uunet.media import images, video_reading
from uunet.wire import crypto, protocol

RUN = os.environ.get("UUNET_RUN", "read")  # read, smoke or full
JUDGED = {"smoke": 2, "read": 12, "full": 60}[RUN]  # frames whose faces are shown and judged

set_matplotlib_formats("jpeg", pil_kwargs={"quality": 88})  # photographs: a tenth of the size of PNG
plt.rcParams.update({"figure.dpi": 90, "figure.constrained_layout.use": True})
logging.getLogger("tensorflow").setLevel("ERROR")  # not its advice on how it is called

# %% [markdown]
# ## Your file
#
# On Colab, a button asks for a picture or a clip. Elsewhere, the bundled clip is used: it shows three rendered people,
# none of whom exists. To use a file of yours, put its path in the last line.

# %%
if "google.colab" in sys.modules:
    from google.colab import files

    source = Path(next(iter(files.upload()), video_samples.WALK))
else:
    source = video_samples.WALK

# %% [markdown]
# ## The ten lines
#
# The public module finds the heads, replaces each by $\mathbf{a} = U_e(\mathbf{x}, \text{noise})$, and embeds the boxes
# in the pixels. The private module gets the public *file* and nothing else. It computes $\mathbf{r} = U_d(\mathbf{a})$.

# %%
net = presets.load()
heads = detection.mtcnn() if RUN != "smoke" else box_file.read(video_samples.WALK_HEADS)
if source.suffix.lower() in images.READABLE:
    public, restored = Path("public.png"), Path("restored.png")
    pipeline.deidentify_image(source, public, net.encoder, heads, pipeline.PublicOptions(overwrite=True))
    pipeline.reconstruct_image(public, restored, net.decoder, pipeline.RestoreOptions(overwrite=True))
else:
    public, restored = Path("public.webm"), Path("restored.mkv")
    pipeline.deidentify_video(source, public, net.encoder, heads, pipeline.PublicOptions(overwrite=True))
    pipeline.reconstruct_video(public, restored, net.decoder, pipeline.RestoreOptions(overwrite=True))

# %% [markdown]
# Both files are lossless, and are in the folder of this notebook. We read them again, as a recipient would:

# %%
if public.suffix == ".png":
    x, a, r = ([images.read(path).rgb] for path in (source, public, restored))
    boxes = pipeline.inspect_image(public).opened()
else:
    x, a, r = (video_reading.read_frames(path) for path in (source, public, restored))
    boxes = pipeline.inspect_video(public).opened()

with_heads = [k for k, found in enumerate(boxes) if found]
if not with_heads:
    raise SystemExit("No head was found in this file, so nobody was hidden: try another one.")
chosen = sorted({with_heads[k] for k in np.linspace(0, len(with_heads) - 1, JUDGED + 2).astype(int)[1:-1]})
middle = chosen[len(chosen) // 2]
figure, axes = plt.subplots(1, 3, figsize=(13, 3.6))
for axis, title, version in zip(axes, ("original x", "public a", "restored r"), (x, a, r), strict=True):
    axis.imshow(version[middle])
    axis.set_title(f"{title}, frame {middle}")
    axis.axis("off")

# %% [markdown]
# The heads alone, from top to bottom: original, public, reconstructed.


# %%
def crop(frame, roi):
    return frame[roi.y : roi.y + roi.h, roi.x : roi.x + roi.w]


def heads_of(version, side=128):
    """The heads of the chosen frames in one size, uint8 (n, side, side, 3)."""
    return np.stack([cv2.resize(crop(version[k], roi), (side, side)) for k in chosen for roi in boxes[k]])


originals, publics, restoreds = (heads_of(version) for version in (x, a, r))
some = sorted(set(np.linspace(0, len(originals) - 1, 9).astype(int)))
figure, axis = plt.subplots(figsize=(1.4 * len(some), 4.2))
axis.imshow(np.vstack([np.hstack(heads[some]) for heads in (originals, publics, restoreds)]))
axis.set_xticks([])
axis.set_yticks([64, 192, 320], ["x", "a", "r"])
# %% [markdown]
# **Try:** add `seed=7` to the call that de-identifies. Run the cell twice with `seed=7`, then twice without. In which
# case does a person get the same virtual face in both runs? When is that wanted, and when is it a risk?
#
# ## The message in the pixels
#
# `reconstruct_video` was not told where the heads are. Each frame carries the paper's message (section III-C): the
# number of heads, and then x, y, width and height of each. [01_steganography](01_steganography.ipynb) shows how the
# message gets there.

# %%
print(protocol.format_message(boxes[middle]))

# %% [markdown]
# Outside the head boxes, each pixel value differs from the original by at most 1 of 255 levels:

# %%
change = np.abs(a[middle].astype(int) - x[middle]).max(axis=-1)
inside = np.zeros(change.shape, bool)
for roi in boxes[middle]:
    crop(inside, roi)[:] = True
outside = int(change[~inside].max(initial=0))
figure, axis = plt.subplots(figsize=(5, 3.2))
picture = axis.imshow(np.log2(1 + change), cmap="magma")
axis.axis("off")
bar = figure.colorbar(picture, label="|a - x|, levels of 255")
bar.set_ticks(np.log2(1 + np.array([0, 1, 3, 7, 15, 31, 63, 127])), labels=[0, 1, 3, 7, 15, 31, 63, 127])
print(f"largest change outside the head boxes: {outside} level(s)")

# %% [markdown]
# ## Who is still recognised?
#
# This is the question that counts. A face recogniser that took no part in training (dlib's, trained on 3 million faces
# of real people) turns a face into 128 numbers. Two faces of one person have a small *distance*. The recogniser needs
# the positions of eyes, nose and mouth. We give it the positions found in the original, also for a and r. This helps
# the attacker. Heads that show no face in the original (from behind, or cut off) are left out.

# %%
faces = alignment.find_faces(originals)
judged = np.abs(faces.points[:, 2] - 64).max(axis=1) < 32  # the nose in the middle: not a neighbour at the edge
together = np.concatenate([originals, publics, restoreds])
x_i, a_i, r_i = np.split(dlib.judge(together, alignment.joined([faces] * 3))[0], 3)
x_i, a_i, r_i = x_i[judged], a_i[judged], r_i[judged]  # (n, 128)
frame_of = np.concatenate([np.full(len(boxes[k]), k) for k in chosen])[judged]

distance = np.linalg.norm(x_i[:, None] - a_i[None], axis=-1)  # (n, n), of each original and each public face
others = (frame_of[:, None] == frame_of) & ~np.eye(len(frame_of), dtype=bool)  # in one frame, all are different people
rows = {
    "x and its own r": np.linalg.norm(x_i - r_i, axis=-1),
    "x and its own a": np.diag(distance),
    "x and the a of others": distance[others],
}
figure, axis = plt.subplots(figsize=(8, 2.2))
for place, values in enumerate(rows.values()):
    axis.plot(values, np.full(len(values), place), "o", alpha=0.5)
axis.axvline(0.6, color="gray", linestyle=":")
axis.set_yticks(range(3), [f"{name} ({len(values)})" for name, values in rows.items()])
axis.set(xlabel="distance", ylim=(-0.5, 2.5), xlim=(0, 1.2))
# %% [markdown]
# Each dot is a pair. With good weights, the distances in the middle row (x and its own a) are as large as in the top
# row (x and the a of others). The distances in the bottom row (x and its own r) are near 0. The dotted line is dlib's
# threshold: two photographs with a smaller distance count as the same person. The distances of rendered faces may be
# smaller than those of real faces, so compare the rows with each other, too. A large distance is not sufficient. A
# blurred face also has a large distance, but a face detector must still find the face.

# %%
contested = others.any(axis=0)  # somebody else is there to be taken for
nearest = np.diag(distance) < np.where(others, distance, np.inf).min(axis=0, initial=np.inf)
found = alignment.find_faces(publics).found[judged]
below = f"{(np.diag(distance) < 0.6).sum()} of {len(distance)}"
told = f"{(nearest & contested).sum()} of {contested.sum()}"
detected = f"{found.sum()} of {len(found)}"
print(f"{below} public faces are within 0.6 of the person they should hide")
print(f"{told} are nearer to that person than to anybody else in their frame")
print(f"{detected} are still faces to a detector (MTCNN)")

# %% [markdown]
# This is an impression from one clip, not a measurement. `uunet evaluate` measures on many people, with several
# recognisers, one of which was trained on de-identified faces.
#
# ## A key
#
# Without a key, anybody can read the boxes. With a key, only its owners can:

# %%
key = crypto.generate()
# these boxes, instead of detecting heads again
given = box_file.GivenBoxes({0: [(None, roi) for roi in boxes[middle]]})
sealed = pipeline.deidentify(x[middle], net.encoder, given, secret=key)
print("with its key:", pipeline.reconstruct(sealed, net.decoder, secret=key).shape)
try:
    pipeline.reconstruct(sealed, net.decoder)
except UUNetError as error:
    print("without:     ", error)

# %% [markdown]
# A key seals the boxes, not the faces: anybody who has U_d and finds the heads can restore them.
#
# ## What the paper says and what we measured


# %%
def psnr(version):
    """Mean over the heads shown, dB."""
    pairs = [(crop(x[k], roi), crop(version[k], roi)) for k in chosen for roi in boxes[k]]
    return np.mean([metrics.psnr(one[None], other[None]) for one, other in pairs])


table = [
    "| of the frames chosen above | paper | ours | command |",
    "|---|---|---|---|",
    f"| PSNR of original and restored heads | not given | {psnr(r):.2f} dB | `make demo`: of all heads |",
    f"| PSNR of original and public heads | not given | {psnr(a):.2f} dB | `make demo`: of all heads |",
    f"| largest change outside | not given | {outside} level(s) | `make demo`: of all frames |",
    f"| public faces within 0.6 of their original | Fig. 6, not for a clip | {below} | `uunet evaluate`: of many |",
    f"| ... nearer to it than to others in the frame | not given | {told} | this notebook |",
    f"| ... that a detector finds | Table II, not for a clip | {detected} | this notebook |",
]
Markdown("\n".join(table))

# %% [markdown]
# **What differs, and why.** The paper trains on real surveillance footage, on a GPU, for 120,000 steps. That footage
# cannot be shipped; our weights were trained on rendered heads with two CPU cores. In the paper, the classifier D_a is
# trained only on originals. U_e can therefore learn to fool D_a while other recognisers still recognise the person
# ([REPRODUCTION.md](../REPRODUCTION.md), row 31). The default weights were not trained with D_a.
#
# `public.webm` and `public.png` use LSB embedding. Do not re-encode them: lossy compression destroys the embedded boxes
# and damages the embedded faces.
