# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Table I: the architectures
#
# **The paper's claim**: $D_a$ is given layer by layer; $U_e$ and $U_d$ are U-Nets [44]; $D_f$ is a PatchGAN [25]. The
# numbers of parameters and operations are not given.
#
# **What it costs:** a quarter of a minute on two CPU cores, most of it for the figure.

# %%
import keras
import matplotlib.pyplot as plt

from notebooks import support
from uunet import models
from uunet.models import cost

# %% [markdown]
# ## The figure
#
# `uunet figure table1` makes it: all layers of all networks, in both U-Net shapes, with parameters and multiplications.

# %%
support.figure("table1")

# %% [markdown]
# ## Counting by hand
#
# A convolution with kernels of $k \times k$ from $c$ to $n$ channels has $n\,(k^2 c + 1)$ parameters, and $2 k^2 c\,n$
# operations per position. The first layer of $D_a$ receives two heads, $c = 6$, and has 16 kernels, at every second
# pixel:

# %%
image = keras.Input((64, 64, 6))
layer = keras.layers.Conv2D(16, 3, strides=2, padding="same")
model = keras.Model(image, layer(image))
print("by hand:", 16 * (3 * 3 * 6 + 1), "parameters,", 2 * 3 * 3 * 6 * 16 * 32 * 32, "operations")
print("Keras:  ", model.count_params(), "parameters;", cost.flops(model), "operations, says cost.flops")

# %% [markdown]
# ## Where the parameters are
#
# Each level of a U-Net halves the image and doubles the number of kernels, so it has four times the parameters of the
# level above. Nearly all parameters are at the bottom, where the image of a head has 4 x 4 pixels:

# %%
network = models.unet(4, width=64)
sizes = {}
for layer in network.layers:
    side = layer.output.shape[1]
    parameters, flops = sizes.get(side, (0, 0))
    own = keras.Model(layer.input, layer.output) if isinstance(layer, keras.layers.Conv2D) else None
    sizes[side] = (parameters + layer.count_params(), flops + (cost.flops(own) if own else 0))

figure, axes = plt.subplots(1, 2, figsize=(9, 2.4))
for axis, k, title in zip(axes, (0, 1), ("parameters, millions", "GFLOPs of its 3 x 3 convolutions"), strict=True):
    sides = sorted(sizes, reverse=True)
    axis.bar([f"{side} × {side}" for side in sides], [sizes[side][k] / (1e6, 1e9)[k] for side in sides])
    axis.set_title(title)

# %% [markdown]
# The operations are spread evenly over the levels: four times the parameters, at a quarter of the positions.
#
# **Try:** `models.unet(4, width=16)`, the width of `--config small`. By what factor does the number of parameters fall,
# and why is it not 4?
#
# ## What the paper says and what we count

# %%
support.table("table1")

# %% [markdown]
# **What differs, and why.** [44] does not pad, so its output is smaller than its input; ours pads. The published code
# has another U-Net (pix2pix, down to 1 x 1, with batch normalisation and dropout): `shape="pix2pix"`. $D_f$ has neither
# a sigmoid nor batch normalisation, because Eq. 6 limits its gradient for each image separately. See rows 10 to 13 of
# REPRODUCTION.md.
