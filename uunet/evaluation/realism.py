"""Whether heads look real: the distance of their distributions (KID), and sharpness by octave of spatial frequency.

Neither measure compares a with its own x: a may show another person and still look as real as x.
"""

import inspect
from collections.abc import Callable

import keras
import numpy as np

from uunet.channel import jpeg
from uunet.evaluation import cache, pairs, resampling, transmission
from uunet.evaluation.inputs import Report
from uunet.evaluation.judges import dlib, faceres
from uunet.models import files

# The two networks that are installed or fetched as recognisers: independent of each other (ResNet and MobileNet,
# other pictures, other people), and neither takes part in training or in the choice of weights.
NETWORKS = {"dlib": dlib, "faceres": faceres}
COARSEST = 2  # cycles per head, where the first octave begins; the window blurs what is below
CHUNK = 64  # heads between two reports of progress


def installed() -> tuple[list[str], list[str]]:
    """Which of NETWORKS have their weights here.

    Returns:
        names: list of str.
        notes: list of str, one sentence for each that is missing.
    """
    names, notes = [], []
    for name, judge in NETWORKS.items():
        try:
            judge.network()
            names.append(name)
        except files.WeightsError as error:
            notes.append(f"KID is measured without {name}. {error}")
    return names, notes


def features(name: str, heads: np.ndarray, report: Callable[[int, int], object] | None = None) -> np.ndarray:
    """A network's features of whole heads after its global average pooling, as Binkowski et al. use Inception's.

    A head is fed as it is, not aligned and with its background, resized to the network's side (150 pixels for `dlib`,
    224 for `faceres`: bicubic up, by area down); RGB in [0, 255]; the network itself subtracts its mean colour. The
    unit length that `faceres` gives its embeddings is left out: it would make the kernel almost linear.

    Args:
        name: one of NETWORKS.
        heads: uint8 `(N, side, side, 3)`.
        report: callable `(done, total)` of heads, or None.

    Returns:
        float32 `(N, d)`, not negative: d = 256 for `dlib`, 1024 for `faceres`.

    Raises:
        WeightsError: if the network is not installed.
    """
    judge = NETWORKS[name]
    network = judge.network()
    pooled = keras.Model(network.input, network.layers[-1].input)
    parts = []
    for start in range(0, len(heads), CHUNK):
        fed = transmission.seen(heads[start : start + CHUNK], judge.SIDE).astype(np.float32)
        parts.append(pooled.predict(fed, batch_size=judge.BATCH, verbose=0))
        if report:
            report(min(start + CHUNK, len(heads)), len(heads))
    return np.concatenate(parts)


def remembered(name: str, heads: np.ndarray, report: Callable[[int, int], object] | None = None) -> np.ndarray:
    """`features` of heads that do not change from one evaluation to the next: from the cache if they are there."""
    judge = NETWORKS[name]
    source = [
        inspect.getsource(features),
        inspect.getsource(transmission.seen),
        inspect.getsource(judge),
        judge.SHA256,
        heads,
    ]
    return cache.remembered(f"features-{name}", source, lambda: {"features": features(name, heads, report)})["features"]


def kernel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The polynomial kernel of KID: features `(N, d)`, `(M, d)` -> float64 `(N, M)`.

    k(x, y) = (x . y / d + 1)^3
    """
    return (first.astype(np.float64) @ second.T.astype(np.float64) / first.shape[1] + 1) ** 3


def kid(x: np.ndarray, a: np.ndarray, people: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Kernel Inception Distance of x and a: the unbiased estimate of MMD^2 (Binkowski et al. 2018).

        h_pq = mean over heads i of p, j of q:  k(x_i, x_j) + k(a_i, a_j) - k(x_i, a_j) - k(a_i, x_j)
        KID  = mean of h_pq over all pairs of two people p != q

    Binkowski et al. take the mean over some random subsets. This is the mean over *all* subsets of one head per person,
    in closed form. Two heads of one person are never compared: they are not independent, and an a has the background
    of its x, so that either would bias the estimate. It can be negative.

    Args:
        x, a: float `(N, d)`, features of heads and of what became of each.
        people: int `(N,)`, numbers from 0, whose each head is.
        drawn: int `(1 + D, P)`, see `resampling.people_drawn`.

    Returns:
        float64 `(1 + D,)`, of everybody and of the draws; nan in a draw of one person.
    """
    crossed = kernel(x, a)
    return _weighed(_by_person(kernel(x, x) + kernel(a, a) - crossed - crossed.T, people), drawn)


def kid_of_halves(x: np.ndarray, people: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """KID between x of one half of the people and x of the other: the floor, what chance alone gives.

    Args:
        x: float `(N, d)`, features of heads.
        people: int `(N,)`, numbers from 0.
        rng: numpy Generator.

    Returns:
        float64 `(1 + D,)`: the mean of the D halvings, and each; nan with fewer than four people.
    """
    similar = _by_person(kernel(x, x), people)
    found, count = [], len(similar)
    for _ in range(resampling.DRAWS):
        one = np.zeros(count, int)
        one[rng.permutation(count)[: count // 2]] = 1
        other = 1 - one
        within = [_weighed(similar, half[None])[0] for half in (one, other)]
        found.append(sum(within) - 2 * (one @ similar @ other) / max(one.sum() * other.sum(), 1))
    return np.array([np.mean(found), *found])


def _by_person(values, people):
    """Means over the heads of each two people: `(N, N)` -> `(P, P)`."""
    share = np.eye(people.max() + 1)[:, people]  # (P, N)
    share /= share.sum(axis=1, keepdims=True)
    return share @ values @ share.T


def _weighed(values, drawn):
    """Mean over pairs of two people, each as often as both are drawn: `(P, P)`, `(D, P)` -> `(D,)`."""
    apart = 1 - np.eye(len(values))
    with np.errstate(invalid="ignore"):  # 0 / 0 where a draw has no two people
        return (np.einsum("dp,pq,dq->d", drawn, values * apart, drawn, optimize=True)
                / np.einsum("dp,pq,dq->d", drawn, apart, drawn, optimize=True))  # fmt: skip


def octaves(side: int) -> list[tuple[int, int]]:
    """Octaves of spatial frequency of heads of `side` pixels: [(2, 4), (4, 8), ...] in cycles per head, to Nyquist."""
    edges = [COARSEST]
    while 2 * edges[-1] <= side / 2:
        edges.append(2 * edges[-1])
    return list(zip(edges[:-1], edges[1:], strict=True))


def power(heads: np.ndarray) -> np.ndarray:
    """The power spectrum of each head's luma, averaged over all directions and over the frequencies of each octave.

    The head's mean is removed and a Hann window laid over it, so that neither the edges nor the mean leak into the
    octaves. The window weighs the middle, where the face is, more than the background.

    Args:
        heads: uint8 or float `(N, side, side, 3)`, RGB.

    Returns:
        float64 `(N, O)`, mean of |DFT|^2, of `octaves(side)`; frequencies on the upper edge belong to the next octave.
    """
    side = heads.shape[1]
    hann = np.sin(np.pi * np.arange(side) / side) ** 2  # periodic: blurs a frequency by 1 cycle per head, no more
    window = np.outer(hann, hann)
    frequency = np.fft.fftfreq(side, 1 / side)
    radius = np.hypot(frequency[:, None], frequency)
    rings = [(low <= radius) & (radius < high) for low, high in octaves(side)]
    found = np.empty((len(heads), len(rings)))
    for k, head in enumerate(heads):
        luma = head @ jpeg.LUMA
        spectrum = np.abs(np.fft.fft2(window * (luma - np.average(luma, weights=window)))) ** 2
        found[k] = [spectrum[ring].mean() for ring in rings]
    return found


def sharpness(sample: pairs.Sample, x: np.ndarray, shown: np.ndarray) -> list[tuple[tuple[int, int], np.ndarray]]:
    """Power of what is shown relative to that of x: 1 as sharp as x, below 1 blurred, above 1 noise or too sharp.

    Both are means over heads, of which heads of much contrast are the larger part. Where the background is that of x,
    it moves each ratio towards 1.

    Args:
        sample: pairs.Sample of the heads.
        x, shown: uint8 `(N, side, side, 3)`.

    Returns:
        list of `(octave, values)`: (low, high) in cycles per head, and float `(1 + D,)`, of everybody and of the draws.
    """
    with np.errstate(invalid="ignore", divide="ignore"):  # heads without any contrast
        ratios = [sample.mean(of, sample.people) / sample.mean(before, sample.people)
                  for of, before in zip(power(shown).T, power(x).T, strict=True)]  # fmt: skip
    return list(zip(octaves(x.shape[1]), ratios, strict=True))


def measured(
    sample: pairs.Sample,
    x: np.ndarray,
    versions: dict[str, np.ndarray],
    names: list[str],
    seed: int,
    report: Report = lambda *_: None,
) -> list[tuple[str, str, np.ndarray]]:
    """The rows of `uunet evaluate`: KID of each version and its floor by each network, then the last version's octaves.

    Args:
        sample: pairs.Sample of the heads.
        x: uint8 `(N, side, side, 3)`.
        versions: dict title -> uint8 `(N, side, side, 3)`; the last is that whose sharpness is measured.
        names: list of str, the networks of KID, see `installed`.
        seed: int, of the halvings.
        report: callable `(stage, done, total)`.

    Returns:
        list of (title, judge, values): str, str, float `(1 + D,)`.
    """
    rows = []
    for name in names:
        judge = f"features of {name}"
        of_x = remembered(name, x, lambda *at, name=name: report(f"features of {name}, x", *at))
        for title, heads in versions.items():
            of = features(name, heads, lambda *at, name=name, title=title: report(f"features of {name}, {title}", *at))
            rows.append((f"KID x, {title}, times 1000", judge, 1000 * kid(of_x, of, sample.people, sample.drawn)))
        floor = kid_of_halves(of_x, sample.people, np.random.default_rng(seed))
        rows.append(("KID x, x of other people, times 1000 (floor; mean and 95 % of halvings)", judge, 1000 * floor))
    title, heads = list(versions.items())[-1]
    for (low, high), values in sharpness(sample, x, heads):
        rows.append((f"power of {title} relative to x, {low}-{high} cycles per head", "", values))
    return rows
