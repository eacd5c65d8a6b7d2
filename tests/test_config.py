import dataclasses

import pytest

from uunet import config


def test_defaults_are_the_papers():
    """Section IV-A, word for word."""
    paper = config.PAPER.adversarial
    assert dataclasses.astuple(paper.weights) == (50, 1, 1, 1, 1, 1)
    assert paper.delta_gp == 0.01 and paper.size == 64 and paper.unet == "ronneberger"
    assert paper.channel == config.ChannelConfig(sizes=(), damages=()) and paper.s == (-1, 1, 1, 1)
    assert paper.critic_steps == 5 and paper.steps == 120_000  # this and the optimisers: the published code's
    assert paper.generator_optimizer == config.Optimizer("rmsprop", 5e-5)
    assert paper.critic_optimizer == config.Optimizer("adam", 2e-4, beta_1=0.5)
    assert config.PAPER.classifier.optimizer == config.Optimizer("rmsprop", 1.25e-5)
    assert config.PAPER.classifier.labels == ("ID", "gender", "ethnicity", "hairstyle")


def test_released_code():
    released = config.RELEASED_CODE
    assert released.adversarial.weights.mse == 100 and released.classifier.blocks == 3
    assert released.adversarial.unet == "pix2pix" and released.adversarial.normalization == "batch"
    assert released.adversarial.penalty == "wgan-gp" and released.adversarial.penalty_weight == 10


def test_paper_cpu_keeps_the_papers_losses():
    paper, small = config.PAPER.adversarial, config.PAPER_CPU.adversarial
    for name in ("weights", "penalty", "delta_gp", "critic_steps", "s", "unet", "residual", "histogram_bins"):
        assert getattr(small, name) == getattr(paper, name), name
    assert not small.channel.damages and small.channel.sizes  # through the lossless channel


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"s": (1, 1, 1, 1)}, "s must start with -1"),
        ({"s": ()}, "s must start with -1"),
        ({"s": (-1, 3)}, "only -1, 0, 1"),
        ({"frames": 1}, "at least 2 sequences"),
        ({"critic_steps": 0}, "critic_steps"),
        ({"penalty": "gp"}, "'limit' or 'wgan-gp'"),
        ({"channel": config.ROBUST}, "8 ROI sizes, a batch only 4 sequences"),
        ({"steps": 7}, "multiple of that \\(checkpoint_every\\); got 7, use 8"),
    ],
)
def test_impossible_values_are_refused(changes, sentence):
    with pytest.raises(config.ConfigError, match=sentence):
        dataclasses.replace(config.SMOKE.adversarial, **changes)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"damages": (config.Degradation("jpeg2000", 95, 50),)}, "got 'jpeg2000'"),
        ({"ramp": 0}, "at least 1; got 0"),
        ({"sizes": (0, 24)}, "at least 1"),
    ],
)
def test_impossible_channels_are_refused(changes, sentence):
    with pytest.raises(config.ConfigError, match=sentence):
        dataclasses.replace(config.ROBUST, **changes)


def test_unknown_label():
    with pytest.raises(config.ConfigError, match="age"):
        config.ClassifierConfig(labels=("ID", "age"))
