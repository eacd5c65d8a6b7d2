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
# **The paper's claim**: divide one weight of Eq. 13 by ten, or multiply the allowed gradient of D_f (Eq. 6) by ten, and
# a particular defect appears: a small $\omega_{mse}$ blurs $r$, a small $\omega_{ano}$ leaves $a$ similar to $x$, with
# a small $\omega_{adv}$ the result is no longer a face.
#
# **What it costs:** seconds on two CPU cores, because the committed record is shown. `uunet figure fig14` trains eight
# times, for a quarter of an hour.

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
# The contribution of each term, for `synthetic-64` and four heads of the sample: with the weights as they are, and with
# one of them divided by ten. D_f is untrained:

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
# The size of a term is not its influence: $L_{con}$ is large and constant as long as frames agree. What counts is its
# gradient.
#
# ## The limit on D_f's gradient
#
# In our reading of Eq. 6 (REPRODUCTION.md, row 4), the largest component of the critic's gradient is penalised as soon
# as it exceeds $\delta_{gp}$: $E[\max(0, \|\nabla D_f\|_\infty / \delta_{gp} - 1)^2]$. With ten times the limit, D_f
# can be ten times as steep without a penalty:

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
# Every run starts from U_e, U_d and D_a of `synthetic-64` and a new D_f, receives the same batches, and stops after the
# same number of steps. Rows: before the first step, the reference, then one change each.

# %%
support.figure("fig14")

# %% [markdown]
# **Try:** `mse=reference.weights.mse / 10` instead of `ano` in the cell with the bars. Which term dominates the sum
# then?
#
# ## What the paper says and what we measured

# %%
support.table("fig14")

# %% [markdown]
# **What differs, and why.** The paper shows the results of long runs. Ours have some dozens of steps, and show only the
# direction in which each change acts. They start from weights of the small configuration ($\omega_{adv} = 0.05$,
# $\omega_{ano} = 2$), not from a converged optimum. So "learning divergence" is not to be expected here, and its
# absence proves nothing.
