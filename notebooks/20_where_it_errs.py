# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Where reconstruction fails, and how to tell without the original
#
# **The paper's claim**: the private module "discloses the actual ID". An authority that looks at $r$ has no $x$ to
# compare it with. Is there a number, computed from $a$ and $r$ alone, that says how reliable this $r$ is? The paper has
# none; this notebook goes beyond it.
#
# **What it costs:** half a minute on two CPU cores.

# %%
import cv2
import matplotlib.pyplot as plt
import numpy as np

from notebooks import support
from uunet import metrics
from uunet.experiments import failure_cases, sheets

# %% [markdown]
# ## Where the errors are
#
# $x$, $r$ and their distance, for heads of the sample:

# %%
context = support.sample()
x, a, r = (context.version(name) for name in ("x", "a", "r"))
psnr = metrics.psnr(x, r)
order = np.argsort(psnr)[:: max(1, len(psnr) // 6)]
far = np.clip(4 * np.abs(x.astype(int) - r), 0, 255).astype(np.uint8)
figure, axes = plt.subplots(3, len(order), figsize=(1.5 * len(order), 4.9))
sheets.show(axes[0], x[order], [f"{psnr[k]:.1f} dB" for k in order])
sheets.show(axes[1], r[order])
sheets.show(axes[2], far[order])
print("rows: x, r, |x − r| × 4; from the worst to the best")

# %% [markdown]
# Errors are on edges, hair and patterned cloth, where much detail must be hidden in few levels.
#
# ## Four candidates
#
# | | the idea | |
# |---|---|---|
# | smooth | texture is hard to hide; a head with little texture is reconstructed well | $-E\|\Delta r\|$ |
# | mirrored | U_d should do the same for a mirrored face | $PSNR(r, U_d(a^{\leftrightarrow})^{\leftrightarrow})$ |
# | again | r resembles x, so hide it again and measure the loss | $PSNR(r, U_d(U_e(r, n)))$ |
# | steady | a reliable result does not change when $a$ changes by a level | $-E\,\sigma(U_d(a + \epsilon))$ |

# %%
figure, axes = plt.subplots(1, len(failure_cases.MEASURES), figsize=(12, 2.5))
for axis, (name, (measure, says)) in zip(axes, failure_cases.MEASURES.items(), strict=True):
    confidence = measure(context, a, r)
    rank = failure_cases.rank_correlation(confidence, psnr, np.ones(len(psnr), int))
    axis.scatter(confidence, psnr, s=12)
    axis.set_title(f"{name}: Spearman {rank:.2f}", fontsize=9)
    axis.set_xlabel(says, fontsize=7)
axes[0].set_ylabel("PSNR(x, r), dB")
# %% [markdown]
# With a few heads of two people, ranks say little. On the whole test split, with intervals over people:

# %%
support.figure("errors")

# %% [markdown]
# ## The best candidate
#
# $|\Delta r|$, the Laplacian, of the worst and the best head:

# %%
figure, axes = plt.subplots(1, 4, figsize=(8, 2.2))
pictures, titles = [], []
for k in (order[0], order[-1]):
    laplacian = np.abs(cv2.Laplacian(r[k].astype(np.float32), cv2.CV_32F))
    pictures += [r[k], np.clip(3 * laplacian, 0, 255).astype(np.uint8)]
    titles += [f"r, {psnr[k]:.1f} dB", f"|Laplacian|, mean {laplacian.mean():.1f}"]
sheets.show(axes, pictures, titles)

# %% [markdown]
# **Try:** give `measure` a blurred $r$, `np.stack([cv2.blur(head, (3, 3)) for head in r])`. Now *smooth* rates every
# head higher, although no head is reconstructed better. So the one who makes $r$ must not know how it is rated.
#
# ## What we measured

# %%
support.table("errors")

# %% [markdown]
# **What this says, and what not.** The number ranks heads: it says which tenth needs a second look. A steady U_d shows
# little: it is as steady where it fails as where it succeeds. None of these measures detects that $r$ shows *somebody
# else*: a smooth, wrong face is rated as reliable. *smooth* is shown because it did best on the validation split.
