"""Recognisers that evaluate, the judges: `dlib` and `faceres`, trained by others; `own` and `adaptive`, trained here.

Rule: a judge never takes part in training, nor in the choice of weights, thresholds or settings. Nothing in
`uunet.training`, `uunet.models` or `uunet.pipeline` imports this package (tests/evaluation/test_judges.py). A network
can learn to fool the judge that it is trained against, and still be recognised by another.

`dlib` and `faceres` look for a face first: `judge(images) -> (embeddings, found)`; `found` is False where there is
none: such pictures have no score and are counted apart. `own` and `adaptive` see the whole crop and are trained on the
train split of the set that they judge: `train(...) -> network`, `network.predict(images) -> embeddings`. `soft_labels`
reads gender, ethnicity and hairstyle.
"""

import numpy as np


def scores(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Similarity of embeddings, row by row: minus the Euclidean distance; dlib calls -0.6 and above the same person."""
    return -np.linalg.norm(first - second, axis=-1)
