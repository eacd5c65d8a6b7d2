"""Fig. 2 is drawn from what the objectives do."""

from types import SimpleNamespace

import numpy as np
import pytest

from tests.experiments.test_experiments import compute, context, heads
from uunet import models
from uunet.experiments import fig02
from uunet.experiments.context import ExperimentError
from uunet.training import objective


def test_who_is_shown_what():
    """By Eqs. 2, 3 and 6 to 13; the critic's turn draws other noise."""
    calls, terms = fig02.traced()
    assert calls == {
        "learning I": [["D_a", ["x", "x'"]]],
        "learning II, D_f": [["U_e", ["x", "noise, other draw"]], ["U_d", ["a"]], ["D_f", ["x"]], ["D_f", ["a"]],
                             ["D_f", ["r"]]],
        "learning II, U_e and U_d": [["U_e", ["x", "noise"]], ["U_d", ["a"]], ["D_f", ["a"]], ["D_f", ["r"]],
                                     ["D_a", ["x", "a"]], ["D_a", ["a", "a_k'"]], ["D_a", ["a", "a_j'"]]],
    }  # fmt: skip
    assert terms["learning II, U_e and U_d"] == ["mse", "adv", "ano", "con", "div", "dis"]
    assert {name for names in terms.values() for name in names} >= set(fig02.TERMS)


def test_an_objective_that_shows_d_a_something_else_is_drawn_so(monkeypatch):
    original = objective.agreement
    monkeypatch.setattr(objective, "agreement", lambda classifier, x, other, training=False: original(
        classifier, other, x, training))  # fmt: skip
    calls, _ = fig02.traced()
    assert calls["learning I"] == [["D_a", ["x'", "x"]]]


def test_figure_2_has_the_real_shapes():
    made = context()
    encoder, decoder = models.unet(4, width=4, name="encoder"), models.unet(3, width=4, name="decoder")
    made.__dict__["networks"] = (SimpleNamespace(encoder=encoder, decoder=decoder), {})
    record = compute(fig02, made)
    assert record["networks"]["U_e"] == {
        "input": [64, 64, 4],
        "output": [64, 64, 3],
        "parameters": encoder.count_params(),
    }
    assert record["networks"]["D_a"]["input"] == [64, 64, 6] and record["networks"]["D_a"]["output"] == [4]
    assert np.ptp(made.heads.labels[record["shown"], 0]) == 0 and record["shown"] == [0, 1, 3]
    first, second, inference = fig02.plot(record, made).axes
    texts = [text.get_text() for text in second.texts]
    assert any(text.startswith("U_e\n64×64×4 → 64×64×3\n") for text in texts) and "L_ano" in texts[-1]
    made.__dict__["heads"] = heads(sequences=1)
    with pytest.raises(ExperimentError, match="two sequences"):
        fig02.compute(made, made.report)
    assert len(first.images) == 2 and len(second.images) == 6 and len(inference.images) == 3
