"""A prepared set of heads: `reading` it, `drawing` batches and pairs from it, `feeding` them to training."""

from uunet.data.drawing import check_pairs, evaluation_pairs, pair_batch, sequence_batch, twin_batch
from uunet.data.feeding import batches, dataset
from uunet.data.reading import SPLITS, VALUES, DataError, Heads, load, load_masks, load_twins

__all__ = [
    "SPLITS", "VALUES", "DataError", "Heads", "batches", "check_pairs", "dataset", "evaluation_pairs",
    "load", "load_masks", "load_twins", "pair_batch", "sequence_batch", "twin_batch",
]
