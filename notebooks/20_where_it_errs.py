# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Where reconstruction errs, and how sure one can be without the original
#
# **The paper's claim**: the private module "discloses the actual ID". An authority that looks at $r$ has no $x$ to
# compare it with. Is there a number, from $a$ and $r$ alone, that says how far to trust this $r$? The paper has none;
# this is beyond it.
#
# **What it costs:** half a minute on two CPU cores.

# %%
import cv2
import matplotlib.pyplot as plt
import numpy as np

from notebooks import support
from uunet.evaluation import scorecard
from uunet.experiments import failure_cases, sheets

# %% [markdown]
# ## Where it errs
#
# $x$, $r$ and their distance, of the sample's heads:

# %%
material = support.sample()
x, a, r = (material.version(name) for name in ("x", "a", "r"))
psnr = scorecard.psnr(x, r)
order = np.argsort(psnr)[:: max(1, len(psnr) // 6)]
far = np.clip(4 * np.abs(x.astype(int) - r), 0, 255).astype(np.uint8)
figure, axes = plt.subplots(3, len(order), figsize=(1.5 * len(order), 4.9))
sheets.show(axes[0], x[order], [f"{psnr[k]:.1f} dB" for k in order])
sheets.show(axes[1], r[order])
sheets.show(axes[2], far[order])
print("rows: x, r, |x − r| × 4; from the worst to the best")

# %% [markdown]
# Errors sit on edges, hair and patterned cloth: where much is to be hidden in few levels.
#
# ## Four candidates
#
# | | the idea | |
# |---|---|---|
# | smooth | texture is hard to hide; what has little of it came back well | $-E\|\Delta r\|$ |
# | mirrored | U_d should answer the same for a mirrored face | $PSNR(r, U_d(a^{\leftrightarrow})^{\leftrightarrow})$ |
# | again | r looks like x, so hide it again and see what is lost | $PSNR(r, U_d(U_e(r, n)))$ |
# | steady | a sure answer does not move when $a$ moves by a level | $-E\,\sigma(U_d(a + \epsilon))$ |

# %%
figure, axes = plt.subplots(1, len(failure_cases.MEASURES), figsize=(12, 2.5))
for axis, (name, (measure, says)) in zip(axes, failure_cases.MEASURES.items(), strict=True):
    confidence = measure(material, a, r)
    rank = failure_cases.rank_correlation(confidence, psnr, np.ones(len(psnr), int))
    axis.scatter(confidence, psnr, s=12)
    axis.set_title(f"{name}: Spearman {rank:.2f}", fontsize=9)
    axis.set_xlabel(says, fontsize=7)
axes[0].set_ylabel("PSNR(x, r), dB")
# %% [markdown]
# A few heads of two people: ranks here say little. Of the whole test split, with intervals over people:

# %%
support.figure("errors")

# %% [markdown]
# ## Looking at the winner
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
# **Try:** give `measure` a blurred $r$, `np.stack([cv2.blur(head, (3, 3)) for head in r])`. *smooth* is now surer of
# every head, and nothing came back better: whoever makes $r$ must not learn how it is judged.
#
# ## What we measured

# %%
support.table("errors")

# %% [markdown]
# **What this says, and what not.** It ranks heads: it tells which tenth to look at twice. That U_d is steady says
# little: it errs as steadily as it is right. And none of these measures knows whether $r$ is *somebody else*: a smooth,
# wrong face is trusted. *smooth* is drawn since it did best on the validation split.
