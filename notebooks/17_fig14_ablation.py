# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Fig. 14: what each loss is for
#
# **The paper's claim**: take a tenth of one weight of Eq. 13, or ten times the gradient that D_f is allowed (Eq. 6),
# and something of its own breaks: less $\omega_{mse}$ blurs $r$, less $\omega_{ano}$ leaves $a$ like $x$, less
# $\omega_{adv}$ is no face any more.
#
# **What it costs:** seconds on two CPU cores, since the record is shown; `uunet figure fig14` trains eight times, for a
# quarter of an hour.

# %%
import dataclasses

import matplotlib.pyplot as plt
import numpy as np

from notebooks import support
from uunet import config, data, losses, models, presets
from uunet.experiments import fig14
from uunet.training import adversarial, objective

# %% [markdown]
# ## The sum
#
# $$\omega_{mse} L_{mse} + \omega_{adv} L_{adv_2} + \omega_{ano} L_{ano} + \omega_{con} L_{con} + \omega_{div} L_{div}
# + \omega_{dis} L_{dis} \qquad \text{(Eq. 13)}$$
#
# Each setting of the figure changes one number:

# %%
reference = fig14.settings()["reference"]
for name, setting in fig14.settings().items():
    print(f"{name:14}", {**dataclasses.asdict(setting.weights), "delta_gp": setting.delta_gp})

# %% [markdown]
# What each term contributes, of `synthetic-64` and four of the sample's heads, as the weights are, and with a tenth of
# one of them. D_f is new and knows nothing:

# %%
net = presets.load("synthetic-64")
networks = adversarial.build_networks(reference, net.classifier, (net.encoder, net.decoder))
small = dataclasses.replace(reference, subjects=1, frames=2, channel=config.ChannelConfig())
batch = data.sequence_batch(data.load(support.SAMPLE / "cctv", "test", size=64), small, step=0)
terms = objective.generator_objective(networks, None, small, batch)[1]
weights = dataclasses.replace(reference.weights, ano=reference.weights.ano / 10)
figure, axis = plt.subplots(figsize=(7, 2.6))
for offset, of in ((-0.2, reference.weights), (0.2, weights)):
    shares = [getattr(of, name) * float(value) for name, value in terms.items()]
    axis.bar(np.arange(len(shares)) + offset, shares, 0.38)
axis.set_xticks(range(len(terms)), [f"ω L_{name}" for name in terms])
axis.axhline(0, color="black", linewidth=0.8)
axis.set_title("Eq. 13's terms: reference, and ω_ano ÷ 10", fontsize=9)
# %% [markdown]
# A term's size is not its pull: $L_{con}$ is large and constant as long as frames agree. What pulls is its gradient.
#
# ## The limit on D_f's gradient
#
# In our reading of Eq. 6 (REPRODUCTION.md, row 4) a critic pays for the largest component of its gradient, as soon as
# it exceeds $\delta_{gp}$: $E[\max(0, \|\nabla D_f\|_\infty / \delta_{gp} - 1)^2]$. Ten times the limit lets D_f be
# ten times as steep before it pays anything:

# %%
steepness = np.linspace(0, 0.2, 100)
figure, axis = plt.subplots(figsize=(6, 2.4))
for delta in (0.01, 0.1):
    gradients = np.zeros((len(steepness), 1, 4, 4, 3), np.float32)
    gradients[:, 0, 0, 0, 0] = steepness
    axis.plot(steepness, [float(losses.gradient_limit(of, delta)) for of in gradients], label=f"δ_gp = {delta}")
axis.set(yscale="symlog", xlabel="largest component of D_f's gradient", ylabel="penalty")
axis.legend(fontsize=8)
print(f"D_f of the reference has {models.patch_critic(width=reference.critic_width).count_params():,} parameters")

# %% [markdown]
# ## The figure
#
# Every run starts from `synthetic-64`'s U_e, U_d and D_a and a new D_f, sees the same batches, and stops after as many
# steps. Rows: before any step, the reference, then one change each.

# %%
support.figure("fig14")

# %% [markdown]
# **Try:** `mse=reference.weights.mse / 10` instead of `ano` in the cell with the bars. Which term rules the sum then?
#
# ## What the paper says and what we measured

# %%
support.table("fig14")

# %% [markdown]
# **What differs, and why.** The paper shows where long runs end; these are some dozen steps, which show only where each
# change begins to pull. They start from weights of the small configuration ($\omega_{adv} = 0.05$, $\omega_{ano} = 2$),
# and not from a converged optimum. So "learning divergence" is not to be expected here, and its absence proves nothing.
