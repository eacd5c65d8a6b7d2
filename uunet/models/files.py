"""A network in one safetensors file: float16 weights, its architecture and its provenance."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import safetensors
import safetensors.numpy

from uunet import atomic
from uunet.errors import UUNetError
from uunet.models.attribute_classifier import attribute_classifier
from uunet.models.generator import head_generator, head_reader
from uunet.models.head_detector import head_detector
from uunet.models.twin import twin_decoder, twin_encoder
from uunet.models.unet import unet

BUILDERS: dict[str, Callable[..., keras.Model]] = {
    "unet": unet,
    "attribute_classifier": attribute_classifier,
    "head_detector": head_detector,
    "head_generator": head_generator,
    "head_reader": head_reader,
    "twin_encoder": twin_encoder,
    "twin_decoder": twin_decoder,
}


class WeightsError(UUNetError):
    """A weight file that is missing, damaged or of another network."""


def save(model: keras.Model, path: Path | str, *, builder: str, arguments: dict, provenance: dict) -> None:
    """Writes a model's weights as float16 with what it takes to rebuild it.

    Args:
        model: keras.Model made by `BUILDERS[builder](**arguments)`.
        path: file to write, replaced at once when complete.
        builder: str, a key of BUILDERS.
        arguments: dict of JSON values.
        provenance: dict of JSON values: command, commit, config, data hash, seed, device, time.
    """
    tensors = {variable.path: np.asarray(variable.value, np.float16) for variable in model.weights}
    header = {"builder": builder, "arguments": arguments, "provenance": provenance}
    # one metadata entry: safetensors writes several in an order that changes from run to run
    content = safetensors.numpy.save(tensors, metadata={"uunet": json.dumps(header)})
    with atomic.new_file(path, overwrite=True) as part:
        part.write_bytes(content)


def load(path: Path | str, *, expect: int | None = None, s: Sequence[int] | None = None) -> keras.Model:
    """Rebuilds a model from its file.

    Args:
        path: file written by `save`.
        expect: int, input channels the caller needs (4: U_e, 3: U_d, 6: D_a), or None.
        s: of an encoder that chooses by s (`twin_encoder`), instead of what it was trained for; or None.

    Returns:
        keras.Model, float32, not to be trained further without its optimiser.

    Raises:
        WeightsError: if the file is missing, damaged, or holds another architecture than it says or is expected.
    """
    header, tensors = _read(path)
    arguments = header["arguments"]
    if s is not None:
        if "s" not in arguments:
            raise WeightsError(
                f"{path} follows no s but the one it was trained for; name weights that choose by s "
                "(`uunet train-twins`)."
            )
        if len(s) != len(arguments["s"]):
            raise WeightsError(f"{path} chooses by an s of {len(arguments['s'])} numbers; got {len(s)}.")
        arguments = arguments | {"s": s}
    try:
        model = BUILDERS[header["builder"]](**arguments)
    except (TypeError, ValueError) as error:
        raise WeightsError(f"{path} was made by another version of uunet ({error}); fetch it again.") from error
    channels = model.inputs[0].shape[-1]  # of the image
    if expect is not None and channels != expect:
        raise WeightsError(
            f"{path} holds a network with {channels} input channels, but {expect} are needed "
            "(4: encoder, 3: decoder, 6: attribute classifier); name the right file."
        )
    _assign(model, path, tensors, "make or fetch it again")
    return model


def start_from(model: keras.Model, path: Path | str) -> str:
    """Gives a model the weights of a file of the same architecture, to be trained further.

    Returns:
        SHA-256 of the file.

    Raises:
        WeightsError: if the file is missing, damaged, or of another architecture.
    """
    _assign(model, path, _read(path)[1], "start from weights of the same configuration")
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _assign(model, path, tensors, advice):
    shapes = {variable.path: tuple(variable.shape) for variable in model.weights}
    stored = {name: tensor.shape for name, tensor in tensors.items()}
    if shapes != stored:
        odd = sorted(set(shapes.items()) ^ set(stored.items()))[0]
        raise WeightsError(f"{path} does not fit the architecture (at {odd[0]}); {advice}.")
    for variable in model.weights:
        variable.assign(tensors[variable.path].astype(np.float32))


def provenance(path: Path | str) -> dict:
    """The provenance a weight file carries, as the dict `save` was given."""
    return _read(path)[0]["provenance"]


def _read(path):
    if not Path(path).is_file():
        raise WeightsError(f"There is no weight file {path}; train one (`uunet train --help`) or name a preset.")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            header = json.loads((file.metadata() or {}).get("uunet", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except safetensors.SafetensorError as error:
        raise WeightsError(f"{path} is not a complete safetensors file ({error}); fetch it again.") from error
    if header.get("builder") not in BUILDERS:
        raise WeightsError(f"{path} is a safetensors file, but not one of uunet's; name an encoder or decoder file.")
    return header, tensors
