"""A prepared set of heads: reading it (`manifest`, `heads`, `rendered`), sampling batches from it (`sampling`,
`generation`), and loading them.
"""

from uunet.data.generation import Told, generation_batch
from uunet.data.heads import Heads, load
from uunet.data.loading import batches, dataset, heads_axis
from uunet.data.manifest import SPLITS, DataError
from uunet.data.rendered import (
    LANDMARKS,
    Twins,
    landmarks_of,
    load_all_twins,
    load_lineup,
    load_masks,
    load_twins,
    twin_kinds,
    twins_name,
)
from uunet.data.sampling import (
    READER_COLUMNS,
    check_pairs,
    embedding_batch,
    face_numbers,
    pair_batch,
    pose_of,
    reader_batch,
    sequence_batch,
    twin_batch,
)

__all__ = [
    "LANDMARKS",
    "READER_COLUMNS",
    "SPLITS",
    "DataError",
    "Heads",
    "Told",
    "Twins",
    "batches",
    "check_pairs",
    "dataset",
    "embedding_batch",
    "face_numbers",
    "generation_batch",
    "heads_axis",
    "landmarks_of",
    "load",
    "load_all_twins",
    "load_lineup",
    "load_masks",
    "load_twins",
    "pair_batch",
    "pose_of",
    "reader_batch",
    "sequence_batch",
    "twin_batch",
    "twin_kinds",
    "twins_name",
]
