"""The ablation with networks of 4 kernels: what is changed, where runs start, and a run that diverges."""

import numpy as np
import pytest

from tests.experiments.test_experiments import SAMPLE, compute
from uunet import config, models
from uunet.evaluation import resampling
from uunet.experiments import fig14, runner
from uunet.experiments.context import Context
from uunet.models import files
from uunet.training import adversarial, checkpoints


def test_each_setting_changes_one_number():
    """The reference, the six weights of Eq. 13 by a tenth, delta_gp tenfold, as in Fig. 14."""
    reference, *others = fig14.settings().values()
    assert reference.penalty == "limit" and len(others) == 7
    changed = []
    for other in others:
        was, now = (vars(of) | {f"w_{name}": value for name, value in vars(of.weights).items()}
                    for of in (reference, other))  # fmt: skip
        changed.append({name: now[name] / was[name] for name in was if name != "weights" and was[name] != now[name]})
    terms = ("mse", "adv", "ano", "con", "div", "dis")
    assert changed == [{f"w_{term}": pytest.approx(0.1)} for term in terms] + [{"delta_gp": pytest.approx(10)}]


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Weights with D_a; two of the settings, one of which diverges."""
    monkeypatch.setattr(resampling, "DRAWS", 10)
    smoke = config.SMOKE.adversarial
    for name, value in (("STEPS", 2), ("BATCHES", 1), ("CONFIG", fig14.replace(smoke, penalty="limit"))):
        monkeypatch.setattr(fig14, name, value)
    build = adversarial.build_trainer

    def eager(networks, config):
        """Compiling the step takes much longer than running it twice."""
        trainer = build(networks, config)
        trainer.run_eagerly = True
        return trainer

    monkeypatch.setattr(adversarial, "build_trainer", eager)
    chosen = fig14.settings()
    monkeypatch.setattr(fig14, "settings", lambda: {name: chosen[name] for name in ("reference", "ω_mse ÷ 10")})
    shape = {"width": 4, "size": 64}
    for name, builder, arguments in (
        ("encoder", "unet", {"channels": 4, "name": "encoder", **shape}),
        ("decoder", "unet", {"channels": 3, "name": "decoder", "residual": True, **shape}),
        ("classifier", "attribute_classifier", {"labels": 4, "size": 64, "name": "classifier"}),
    ):
        network = (models.unet if builder == "unet" else models.attribute_classifier)(**arguments)
        files.save(network, tmp_path / f"{name}.safetensors", builder=builder, arguments=arguments,
                   provenance={"config": {"s": [-1, 1, 1, 1]}})  # fmt: skip
    return Context(SAMPLE, str(tmp_path))


@pytest.mark.slow
def test_figure_14_trains_from_one_place(made, monkeypatch):
    original = fig14.trained

    def trained(context, changed, heads, report):
        if changed.weights.mse < fig14.CONFIG.weights.mse:
            raise checkpoints.DivergedError("at step 1")
        return original(context, changed, heads, report)

    monkeypatch.setattr(fig14, "trained", trained)
    record = compute(fig14, made)
    before, reference, diverged = record["runs"]
    assert [run["name"] for run in record["runs"]] == ["before", "reference", "ω_mse ÷ 10"]
    assert set(before["terms"]) == {"mse", "adv", "ano", "con", "div", "dis"} == set(reference["terms"])
    assert before["psnr_r"]["value"] != reference["psnr_r"]["value"]  # something was learned
    assert abs(before["psnr_r"]["value"] - reference["psnr_r"]["value"]) < 5  # from there
    assert diverged["diverged"] == "at step 1" and diverged["psnr_r"] is None
    assert record["train"]["people"] == 4 and record["heads"] == 8 and len(record["shown"]) == 4
    pictures, numbers = fig14.plot(record, made).axes
    assert pictures.images[0].get_array().shape == (4 * 64, 6 * 64, 3)
    assert "diverged" in [text.get_text() for text in numbers.texts]


@pytest.mark.slow
def test_every_run_starts_with_the_same_networks(made):
    """The weights' own U_e, U_d and D_a, frozen; D_f new, the same each time."""
    first, second = (fig14._start(made, fig14.CONFIG) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        for before, after in zip(one.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(before, after)
    assert not first.classifier.trainable and first.encoder is not second.encoder


def test_it_is_made_only_when_named(made):
    assert "trains networks for minutes" in runner.left_out(made)["fig14"]
