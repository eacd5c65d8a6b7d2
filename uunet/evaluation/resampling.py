"""Mean and spread of a metric over random samples of the test data, as in Tables II and III."""

import numpy as np


def resampled(metric, *data, rng, times=50, share=0.9):
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
