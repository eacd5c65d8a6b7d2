# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Hiding the head boxes in the pixels
#
# **The paper's claim** (section III-C): every frame of the public stream carries, by steganography, a message with the
# number and the positions of its heads. The reader then needs no detector, and cuts out exactly the pixels that the
# writer pasted. The paper gives the message, but not the method that hides it: its reference [14] is about *detecting*
# hidden messages.
#
# We hide the message twice by hand: in single grey levels, which any lossy codec destroys, and in DCT coefficients,
# which survive. Beside each handmade version stands the function of `uunet` that does the same.
#
# **What it costs:** half a minute on two CPU cores. No network is needed.

# %%
import io
import os
from functools import partial

import av
import cv2
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown
from skimage.data import coffee
from skimage.metrics import peak_signal_noise_ratio as psnr

from uunet import video_samples
from uunet.boxes import box_file, types
from uunet.errors import UUNetError
from uunet.media.video_reading import read_frames
from uunet.stego import keystream, lsb
from uunet.wire import crypto, messages, protocol

RUN = os.environ.get("UUNET_RUN", "read")  # read, smoke or full
QUALITIES = {"smoke": [50, 90], "read": [30, 50, 70, 80, 90, 95, 100], "full": list(range(10, 101, 5))}[RUN]
CRFS = {"smoke": [23], "read": [0, 10, 18, 23, 28], "full": [0, 6, 12, 18, 20, 23, 26, 28, 30, 34]}[RUN]

plt.rcParams.update({"figure.dpi": 80, "figure.constrained_layout.use": True, "axes.titlesize": 11})
rng = np.random.default_rng(0)

# %% [markdown]
# ## 1. The message
#
# $$\text{message} := n\ \text{","}\ [\text{ROI}]_n \qquad
#   \text{ROI} := x\ \text{","}\ y\ \text{","}\ w\ \text{","}\ h\ \text{","}$$
#
# A frame of the bundled clip, with the true head boxes from its renderer. (This frame and the nine after it are used.)

# %%
FIRST = 40
frames = read_frames(video_samples.WALK)[FIRST : FIRST + messages.GROUP]
frame = frames[0]
rois = [roi for _, roi in box_file.read(video_samples.WALK_HEADS).by_frame[FIRST]]

figure, axis = plt.subplots(figsize=(5, 3.75))
axis.imshow(frame)
axis.axis("off")
for x, y, w, h in rois:
    axis.add_patch(plt.Rectangle((x, y), w, h, fill=False, edgecolor="white"))
text = protocol.format_message(rois)
axis.set_title(f'"{text}"')
# %% [markdown]
# **Try:** add `types.Roi(10, 16, 9, 15)` to `rois`. By how many characters does the message grow? What is the longest
# text of one box?
#
# The paper's own example, written and read:

# %%
example = protocol.format_message([types.Roi(10, 16, 9, 15), types.Roi(25, 45, 8, 14)])
print(example)
print(protocol.parse_message(example))

# %% [markdown]
# ## 2. One bit in one grey level
#
# A sample $s$ (one colour of one pixel, 0 to 255) is even or odd. Its parity is the bit $b$ that it carries. If the
# parity is wrong, the sample goes up or down by one, at random (*LSB matching*):
#
# $$s' = s + \sigma\,\big[\,s \bmod 2 \ne b\,\big], \qquad \sigma = \pm 1, \qquad b = s' \bmod 2$$


# %%
def hide_by_hand(frame, payload):
    bits = np.unpackbits(np.frombuffer(payload, np.uint8))
    samples = frame.ravel().astype(int)
    s = samples[: bits.size]
    sigma = rng.choice([-1, 1], bits.size)
    sigma[s == 0], sigma[s == 255] = 1, -1  # nothing may wrap around
    samples[: bits.size] = s + sigma * (s % 2 != bits)
    return samples.astype(np.uint8).reshape(frame.shape)


def reveal_by_hand(frame, n_bytes):
    return np.packbits(frame.ravel()[: 8 * n_bytes] % 2).tobytes()


payload = text.encode("ascii") * 12  # a dozen copies, to have something to see
hidden = hide_by_hand(frame, payload)

corner = np.s_[:6, :120]
change = hidden.astype(int) - frame
figure, axes = plt.subplots(4, 1, figsize=(10, 3.4))
for axis, title, picture, look in zip(
    axes,
    ("the top left corner of the picture", "parities of its red samples before", "and after", "the change: -1, 0, +1"),
    (hidden[corner], frame[corner][..., 0] % 2, hidden[corner][..., 0] % 2, change[corner][..., 0]),
    ({}, {"cmap": "gray"}, {"cmap": "gray"}, {"cmap": "RdBu", "vmin": -1, "vmax": 1}),
    strict=True,
):
    axis.imshow(picture, aspect="auto", interpolation="nearest", **look)
    axis.set(xticks=[], yticks=[])
    axis.set_title(title)
print(reveal_by_hand(hidden, len(text)).decode("ascii"))

# %% [markdown]
# The first rows carry the message. The change is invisible. `uunet.stego.lsb` reads the handmade bits, and the handmade
# reader reads those of `uunet.stego.lsb`:

# %%
print(lsb.reveal(hidden, len(payload)) == payload == reveal_by_hand(lsb.hide(frame, payload), len(payload)))

# %% [markdown]
# ## 3. How much, and at what price
#
# One bit per sample gives $\lfloor N/8 \rfloor$ bytes in $N$ samples. Half of the parities are right by chance, so $n$
# bits change $n/2$ samples by one level:
#
# $$\text{MSE} = \frac{n}{2N}, \qquad \text{PSNR} = 10 \log_{10} \frac{255^2}{\text{MSE}}$$

# %%
shares = np.geomspace(1e-3, 1, 7)
measured = [psnr(frame, lsb.hide(frame, rng.bytes(int(share * lsb.capacity(frame.shape))))) for share in shares]

figure, axis = plt.subplots(figsize=(6, 3))
axis.semilogx(shares, 10 * np.log10(255**2 / (shares / 2)), label="the equation")
axis.semilogx(shares, measured, "o", label="measured")
own = len(text) / lsb.capacity(frame.shape)
axis.axvline(own, color="gray", linestyle=":", label="this frame's message")
axis.set(xlabel="share of the capacity used", ylabel="PSNR, dB")
axis.legend()
print(f"{lsb.capacity(frame.shape):,} bytes fit; the message has {len(text)}")

# %% [markdown]
# **Try:** replace `rng.bytes(...)` by `bytes(...)`, zeros only. Does the PSNR change? Why (not)?
#
# ## 4. The frame around the message
#
# The parities of any picture are bits. How does a reader know that there *is* a message, and that it is complete?
# `uunet` puts a header before the text (two letters, version, length, number of the frame) and a checksum after it
# (CRC-32). Here each bit is flipped in turn; the colour shows what the reader answers:

# %%
message, _ = protocol.pack_frame_message(rois, 0)
public = messages.hide([frame], [rois])[0]  # the same bytes, in the pixels


def verdict(frame):
    """The class of the error that a reader gets, or what it read."""
    try:
        return protocol.unpack_frame_message(partial(lsb.reveal, frame))
    except UUNetError as error:
        return type(error).__name__


def flipped(k):
    damaged = public.copy()
    damaged.reshape(-1)[k] ^= 1
    return damaged


verdicts = [verdict(flipped(k)) for k in range(8 * len(message))]
names = sorted(set(verdicts))
figure, axis = plt.subplots(figsize=(10, 2))
picture = np.array([names.index(name) for name in verdicts]).reshape(-1, 8).T  # a column a byte
axis.imshow(picture, aspect="auto", cmap="Set2", vmin=0, vmax=7)
axis.set(ylabel="bit")
axis.set_xticks(range(len(message)), [chr(byte) if 32 <= byte < 127 else "·" for byte in message])
for k, name in enumerate(names):
    axis.plot([], [], "s", color=plt.colormaps["Set2"](k / 7), label=f"{name} ({verdicts.count(name)} bits)")
axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=len(names))
# %% [markdown]
# Every flip is detected: CRC-32 finds every single flipped bit, and other damage with probability $1 - 2^{-32}$. It
# detects accidents, not forgeries: a forger would write a new checksum. And it covers the message, *not the picture*:

# %%
print(verdict(flipped(8 * len(message))) == rois, "- one sample behind the message was changed, and nobody noticed")

# %% [markdown]
# ## 5. An order that only some know
#
# In raster order, anybody can read the message. With a key, the samples that carry it are chosen by the keystream of a
# cipher (ChaCha20). Their order is new in each frame. Those who have the key can always compute it again; to others it
# looks random.

# %%
key = crypto.generate()
orders = {
    "no key: the top left corner": np.arange(8 * len(message)),
    "key, frame 0": keystream.positions(key, 0, frame.size, 8 * len(message)),
    "key, frame 1": keystream.positions(key, 1, frame.size, 8 * len(message)),
}
figure, axes = plt.subplots(1, 3, figsize=(10, 2.8), sharey=True)
for axis, (title, positions) in zip(axes, orders.items(), strict=True):
    rows, columns, _ = np.unravel_index(positions, frame.shape)
    axis.plot(columns, rows, ".", markersize=2)
    axis.set(title=title, xlim=(0, frame.shape[1]), ylim=(frame.shape[0], 0), aspect="equal")

# %%
keyed = lsb.hide(frame, text.encode(), key=key)
print("with the key:   ", lsb.reveal(keyed, len(text), key=key))
print("with another:   ", lsb.reveal(keyed, len(text), key=crypto.generate())[:16], "...")

# %% [markdown]
# ## 6. What a codec does to parities
#
# We save the frame as JPEG, read it again, and count the parities that differ. A share of one half is chance: the
# message is lost.


# %%
def jpeg_again(frame, quality):
    data = cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]


parities = [np.mean((jpeg_again(public, quality) ^ public) & 1) for quality in QUALITIES]
figure, axis = plt.subplots(figsize=(6, 2.6))
axis.plot(QUALITIES, parities, "o-")
axis.axhline(0.5, color="gray", linestyle=":", label="a coin")
axis.set(xlabel="JPEG quality", ylabel="share of wrong parities", ylim=(0, 0.6))
axis.legend(loc="lower left")
print("reader, JPEG of quality 100:", verdict(jpeg_again(public, 100)))

# %% [markdown]
# Even at the best quality, too many parities change. A lossy codec does not keep grey levels. What does it keep?
#
# ## 7. What a codec keeps: coefficients
#
# JPEG cuts the picture into blocks $f$ of 8 x 8 pixels, and writes each block as a sum of cosine waves, with
# coefficients $F$:
#
# $$F = C f C^\top, \qquad C_{kn} = \sqrt{\tfrac{1 + [k > 0]}{8}}\, \cos \frac{\pi k (2n + 1)}{16}$$

# %%
n = np.arange(8)
k = n[:, None]
C = np.sqrt((1 + (k > 0)) / 8) * np.cos(np.pi * k * (2 * n + 1) / 16)  # C C' = 1


def blocks_of(frame):
    """uint8 (H, W, 3) -> float (H/8, W/8, 8, 8), brightness (luma)."""
    luma = frame @ np.array([0.299, 0.587, 0.114])
    return luma.reshape(frame.shape[0] // 8, 8, frame.shape[1] // 8, 8).swapaxes(1, 2)


def dct(blocks):
    return C @ blocks @ C.T


x, y, w, h = rois[0]
at = (y + h // 2) // 8, (x + w // 3) // 8  # a block in the first face
before, after = (dct(blocks_of(picture))[at] for picture in (frame, jpeg_again(frame, 50)))

figure, axes = plt.subplots(1, 4, figsize=(10, 2.8))
axes[0].imshow(blocks_of(frame)[at], cmap="gray")
axes[0].set_title("a block of the first face")
shown = np.abs(before).ravel()[1:].max()  # the first, the mean, is far larger than all others
for axis, title, values in zip(
    axes[1:],
    ("its coefficients", "after JPEG of quality 50", "the difference"),
    (before, after, after - before),
    strict=True,
):
    axis.imshow(values, cmap="RdBu", vmin=-shown, vmax=shown)
    axis.set_title(title)
    for (row, column), value in np.ndenumerate(values):
        ink = "white" if abs(value) > shown / 2 else "black"
        axis.text(column, row, round(value), ha="center", va="center", fontsize=6, color=ink)
for axis in axes:
    axis.set(xticks=[], yticks=[])

# %% [markdown]
# Low frequencies are at the top left: JPEG rounds them finely. It rounds the high frequencies at the bottom right
# coarsely, mostly to zero. How much does each of the 64 coefficients change, over all blocks (root mean square)?

# %%
figure, axes = plt.subplots(1, len(QUALITIES[:4]), figsize=(10, 2.8), squeeze=False)
coefficients = dct(blocks_of(frame))
for axis, quality in zip(axes[0], QUALITIES, strict=False):
    moved = np.sqrt(np.mean(np.square(dct(blocks_of(jpeg_again(frame, quality))) - coefficients), axis=(0, 1)))
    axis.imshow(moved, cmap="viridis", vmin=0, vmax=10)
    axis.set(xticks=[], yticks=[], title=f"quality {quality}")
    for (row, column), value in np.ndenumerate(moved):
        axis.text(column, row, round(value), ha="center", va="center", fontsize=7, color="white")

# %% [markdown]
# The changes are a few units only; a change of 8 in an orthonormal coefficient is one grey level over its whole block.
# (High frequencies change little because they are small: JPEG sets them to zero, and a bit hidden there would be lost.)
# So a bit should change a low-frequency coefficient by more than that.
#
# ## 8. One bit in one coefficient
#
# *Quantisation index modulation.* The bit chooses one of two combs, and the coefficient is moved to the nearest tooth
# of that comb. Both combs have a tooth every $D$; one is shifted by half of that. The reader looks which comb is
# nearer. It is right as long as $c$ moved by less than $D/4$.
#
# $$c' = D\,\mathrm{round}\!\left(\frac{c - b\,D/2}{D}\right) + b\,\frac{D}{2}, \qquad
#   b = \big[\cos(2 \pi c' / D) < 0\big]$$

# %%
PLACE = (0, 1)  # the slowest wave from left to right


def hide_in_coefficients(frame, bits, D):
    """One bit a block, bits (H/8, W/8)."""
    F = dct(blocks_of(frame))
    c = F[..., *PLACE]
    push = np.zeros_like(F)
    push[..., *PLACE] = D * np.round((c - bits * D / 2) / D) + bits * D / 2 - c
    push = (C.T @ push @ C).swapaxes(1, 2).reshape(frame.shape[:2])  # C'FC: from waves back to pixels
    return np.clip(np.round(frame + push[..., None]), 0, 255).astype(np.uint8)  # red, green and blue alike


def votes(frame, D):
    """Positive for 0, negative for 1."""
    return np.cos(2 * np.pi * dct(blocks_of(frame))[..., *PLACE] / D)


bits = rng.integers(2, size=(frame.shape[0] // 8, frame.shape[1] // 8))
figure, axes = plt.subplots(1, 3, figsize=(10, 3))
zoom = np.s_[y : y + h, x : x + w]
for axis, D in zip(axes, (16, 64, 256), strict=True):
    axis.imshow(hide_in_coefficients(frame, bits, D)[zoom])
    axis.set(xticks=[], yticks=[], title=f"D = {D}: {psnr(frame, hide_in_coefficients(frame, bits, D)):.1f} dB")

# %% [markdown]
# The larger $D$, the more the picture changes, and the more compression the bits survive:

# %%
figure, axis = plt.subplots(figsize=(8, 3))
axis.plot(QUALITIES, parities, "o-", color="gray", label="parities")
for D in (8, 16, 32, 64):
    hidden = hide_in_coefficients(frame, bits, D)
    wrong = [np.mean((votes(jpeg_again(hidden, quality), D) < 0) != bits) for quality in QUALITIES]
    axis.plot(QUALITIES, wrong, "o-", label=f"coefficients, D = {D}")
axis.set(xlabel="JPEG quality", ylabel="share of wrong bits", ylim=(-0.02, 0.6))
axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))

# %% [markdown]
# **Try:** `PLACE = (6, 6)`, a high frequency. At which quality are its bits lost?
#
# ## 9. Video: let frames vote
#
# H.264 compresses more than JPEG: it also leaves out small changes from frame to frame. Bits that are new in each frame
# are such changes, and are lost first. Bits that *stay* the same for ten frames survive, and the reader adds up what it
# reads in them:
#
# $$b = \Big[\sum_t \cos(2 \pi c_t / D) < 0\Big]$$


# %%
def h264(frames, crf):
    """Written and read again with PyAV (FFmpeg); a higher crf makes a smaller file."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=15, options={"crf": str(crf)})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    file.seek(0)
    with av.open(file) as container:
        return [picture.to_ndarray(format="rgb24") for picture in container.decode(video=0)]


D = 64
staying = [hide_in_coefficients(frame, bits, D) for frame in frames]
changing = rng.integers(2, size=(len(frames), *bits.shape))
new = [hide_in_coefficients(frame, one, D) for frame, one in zip(frames, changing, strict=True)]
levels = messages.hide(frames, [rois] * len(frames))
wrong = {"parities": [], "coefficients, new bits in each frame": [], "the same bits, one frame": [],
         "the same bits, ten frames vote": []}  # fmt: skip
for crf in CRFS:
    pairs = zip(h264(levels, crf), levels, strict=True)
    wrong["parities"].append(np.mean([(again ^ level) & 1 for again, level in pairs]))
    counts = [(votes(again, D) < 0) != one for again, one in zip(h264(new, crf), changing, strict=True)]
    wrong["coefficients, new bits in each frame"].append(np.mean(counts))
    cast = [votes(again, D) for again in h264(staying, crf)]
    wrong["the same bits, one frame"].append(np.mean([(one < 0) != bits for one in cast]))
    wrong["the same bits, ten frames vote"].append(np.mean((sum(cast) < 0) != bits))

figure, axis = plt.subplots(figsize=(8.5, 3))
for name, values in wrong.items():
    axis.plot(CRFS, values, "o-", label=name)
axis.set(xlabel="H.264 crf (18: fine, 28: small)", ylabel="share of wrong bits")
axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
# %% [markdown]
# Error-correcting codes repair the remaining errors. `uunet.stego.qim` spreads each message over twelve coefficients of
# some macroblocks, repeats it, and protects it with a convolutional and a Reed-Solomon code. It leaves the head boxes
# unchanged, bit for bit, because U_d needs their pixels:

# %%
robust = messages.hide(frames, [rois] * len(frames), method=messages.QIM)
survived = {crf: messages.read([h264(robust, crf)]).boxes == [rois] * len(frames) for crf in CRFS}
print("boxes read again after H.264 at crf:", survived)
print("PSNR of the frame with its message:", f"{psnr(frames[0], robust[0]):.1f} dB")
print("head boxes unchanged:", all((frames[0] == robust[0])[y : y + h, x : x + w].all() for x, y, w, h in rois))

# %% [markdown]
# **Try:** hide the message of frame 0 in five frames only (`frames[:5]`). Up to which crf is it read?
#
# ## 10. Sealing
#
# Hidden does not mean secret: anybody who knows this page can read the boxes. A sealed text is encrypted and
# authenticated (ChaCha20-Poly1305) together with the header, which holds size, frame number and a random number of the
# file. Two files that are sealed with one key have nothing in common. The bits of the message, plain and sealed, for
# two files:


# %%
def strip(parts):
    whole = b"".join(parts)
    return np.unpackbits(np.frombuffer(whole, np.uint8)).reshape(-1, 8).T  # a column a byte


plain = [strip(protocol.pack_frame_message(rois, 0)) for _ in range(2)]
sealed = [strip(protocol.pack_frame_message(rois, 0, shape=frame.shape, seal=crypto.new_seal(key))) for _ in range(2)]
figure, axes = plt.subplots(4, 1, figsize=(10, 3.6), sharex=True)
for axis, title, picture in zip(
    axes,
    ("plain, one file", "plain, another file", "sealed, one file", "sealed, another file"),
    plain + sealed,
    strict=True,
):
    axis.imshow(picture, cmap="gray", aspect="auto", interpolation="nearest")
    axis.set(yticks=[], title=title)
axes[-1].set_xlabel("byte")
# %%
closed = messages.hide([frame], [rois], seal=crypto.new_seal(key))[0]
print("its key:    ", messages.read([[closed]], key, alone=True).opened() == [rois])
for name, secret in (("no key:     ", None), ("another key:", crypto.generate())):
    try:
        messages.read([[closed]], secret, alone=True).opened()
    except UUNetError as error:
        print(name, error)

# %% [markdown]
# A key seals the *boxes*. Anybody who has U_d and finds the heads by other means can restore the faces.
#
# ## 11. Who notices?
#
# A seal hides the content of the message, not its existence. *Overwriting* the lowest bit turns 2k into 2k + 1 and
# back, but never 2k into 2k − 1, so the two counts of such a pair of values become alike (Westfeld and Pfitzmann's
# test):
#
# $$\chi^2 = \sum_k \frac{(h_{2k} - h_{2k+1})^2}{h_{2k} + h_{2k+1}}$$
#
# `uunet` adds *or* subtracts one where a bit is wrong. A photograph with a bit in half of its samples, by both methods:

# %%
photograph = coffee()[..., 1].astype(int)
used, bits = rng.random(photograph.shape) < 0.5, rng.integers(0, 2, photograph.shape)
wrong = used & (photograph % 2 != bits)
over = np.where(wrong, photograph ^ 1, photograph)
matched = np.where(wrong, photograph + rng.choice((-1, 1), photograph.shape), photograph)
matched += 2 * (matched < 0) - 2 * (matched > 255)  # at the ends there is one way only


def chi_square(samples):
    even, odd = np.bincount(samples.ravel(), minlength=256).reshape(-1, 2).T
    return np.sum((even - odd) ** 2 / np.maximum(even + odd, 1))


noticed = {"as it was": photograph, "written over": over, "up or down": matched}
noticed = {name: chi_square(samples) for name, samples in noticed.items()}
figure, axis = plt.subplots(figsize=(6, 1.8))
axis.barh(list(noticed), list(noticed.values()))
axis.invert_yaxis()
axis.set_xlabel("χ², low: pairs of values are alike")

# %% [markdown]
# **Try:** `< 0.05` instead of `< 0.5`. A message of two heads needs far less than that. Which bar would still reveal
# it? Also try `skimage.data.astronaut`: some of its values are far more frequent than their neighbours, and both
# methods flatten these spikes.
#
# ## What the paper says and what we measured


# %%
def row(what, paper, ours, command):
    return f"| {what} | {paper} | {ours} | {command} |"


here = "this notebook"
lasting = max((crf for crf, good in survived.items() if good), default="none")
table = [
    "| | paper | ours | command |",
    "|---|---|---|---|",
    row("message of two heads", '"2,10,16,9,15,25,45,8,14,"', f'"{example}"', here),
    row("how it is hidden", "not said ([14] is a steganalysis paper)", "LSB matching, JPEG coefficients, QIM", here),
    row("flipped bits noticed", "not given", f"{len(verdicts)} of {len(verdicts)}", here),
    row("PSNR of a lossless frame with its message", "not given", f"{psnr(frame, public):.1f} dB", here),
    row("PSNR of a lossy frame with its message", "not given", f"{psnr(frames[0], robust[0]):.1f} dB", here),
    row("largest crf tried here that boxes survive", "not given", lasting, "`python -m benchmarks.survival`: all"),
]
Markdown("\n".join(table))

# %% [markdown]
# **What differs, and why.** The paper's text alone cannot be told from noise: ours has a header and a checksum, or a
# seal. The paper does not say how it hides the text. Our method depends on the file type
# ([docs/steganography.md](../docs/steganography.md)). [docs/wire-format.md](../docs/wire-format.md) specifies every
# byte. [docs/detectability.md](../docs/detectability.md) says how easily the message is *detected*, which is the
# subject of [14].
