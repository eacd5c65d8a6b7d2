"""Bootstrap: a metric over random samples of the test data, as in Tables II and III, and intervals over people."""

from collections.abc import Callable, Sequence

import numpy as np

DRAWS = 200


def resampled(
    metric: Callable[..., float],
    *data: Sequence | np.ndarray,
    rng: np.random.Generator,
    times: int = 50,
    share: float = 0.9,
) -> tuple[float, float]:
    """Repeats a metric on samples of the data, drawn with repetition.

    Args:
        metric: callable of arrays like `data` -> float.
        data: arrays or lists of one length n; a sample takes the same rows of each.
        rng: numpy Generator.
        times: int, samples; 50 in section IV-E.
        share: float, size of a sample relative to n; 0.9 in sections IV-B and IV-E.

    Returns:
        mean, standard deviation: floats.
    """
    n = len(data[0])
    values = []
    for _ in range(times):
        rows = rng.integers(n, size=round(share * n))
        values.append(metric(*([part[row] for row in rows] for part in data)))
    return float(np.mean(values)), float(np.std(values))


def people_drawn(count: int, rng: np.random.Generator) -> np.ndarray:
    """How often each person comes in DRAWS draws of `count` people with repetition.

    Pictures of one person resemble each other, so that the bootstrap draws people, not pictures.

    Args:
        count: int, people.
        rng: numpy Generator.

    Returns:
        int `(1 + DRAWS, count)`; the first row is all ones: everybody once.
    """
    return np.concatenate([np.ones((1, count), int), rng.multinomial(count, np.full(count, 1 / count), size=DRAWS)])


def mean(values: np.ndarray, people: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Mean of some people's values, of everybody and of each draw.

    Args:
        values: float `(n,)`.
        people: int `(n,)`, numbers from 0, whose each value is.
        drawn: int `(1 + D, P)`, see `people_drawn`.

    Returns:
        float `(1 + D,)`; nan in a draw without any of these people.
    """
    times = drawn[:, people]
    with np.errstate(invalid="ignore"):  # 0 / 0
        return times @ np.asarray(values, float) / times.sum(axis=1)


def interval(values: np.ndarray) -> list[float]:
    """The middle 95 % of a statistic's values over draws, [low, high]; draws without its pairs, nan, are left out."""
    return np.nanpercentile(values, [2.5, 97.5]).tolist()


def measured(values: np.ndarray) -> dict:
    """What a record says of a statistic `(1 + D,)`, of everybody and of the draws.

    Returns:
        dict `value`, float, and `interval`, [low, high]; both None where the first value is nan.
    """
    usable = np.isfinite(values[0])
    return {"value": float(values[0]) if usable else None, "interval": interval(values[1:]) if usable else None}
