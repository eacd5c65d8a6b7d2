"""A prepared set of heads: `reading` it, `drawing` batches and pairs from it, `feeding` them to training."""

from uunet.data.loading import batches, dataset, heads_axis
from uunet.data.manifest import (
    LANDMARKS,
    SPLITS,
    VALUES,
    DataError,
    Heads,
    landmarks_of,
    load,
    load_lineup,
    load_masks,
    load_twins,
    twin_kinds,
)
from uunet.data.sampling import check_pairs, evaluation_pairs, hiding_batch, pair_batch, sequence_batch, twin_batch

__all__ = [
    "LANDMARKS",
    "SPLITS",
    "VALUES",
    "DataError",
    "Heads",
    "batches",
    "check_pairs",
    "dataset",
    "evaluation_pairs",
    "heads_axis",
    "hiding_batch",
    "landmarks_of",
    "load",
    "load_lineup",
    "load_masks",
    "load_twins",
    "pair_batch",
    "sequence_batch",
    "twin_batch",
    "twin_kinds",
]
