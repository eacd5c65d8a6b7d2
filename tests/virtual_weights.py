"""A small untrained generator and its reader, as an encoder and as a folder of weights."""

import keras

from uunet import models
from uunet.models import files, virtual

SIZE = 32
WIDTHS, READER_WIDTH = (4, 4, 8), 4


def networks(size=SIZE, seed=0):
    """Generator and reader."""
    keras.utils.set_random_seed(seed)
    return models.head_generator(size=size, widths=WIDTHS, codes=8), models.head_reader(size=size, width=READER_WIDTH)


def encoder(size=SIZE, s=virtual.S):
    """A VirtualEncoder."""
    return virtual.VirtualEncoder(*networks(size), s)


def save(folder, size=SIZE):
    """The folder of weights, made."""
    folder.mkdir(exist_ok=True)
    draws, reads = networks(size)
    files.save(draws, folder / "generator.safetensors", builder="head_generator",
               arguments={"size": size, "widths": list(WIDTHS), "codes": 8}, provenance={"steps": 0})  # fmt: skip
    files.save(reads, folder / "reader.safetensors", builder="head_reader",
               arguments={"size": size, "width": READER_WIDTH}, provenance={})  # fmt: skip
    return folder
