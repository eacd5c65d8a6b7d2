"""What each evaluator says of heads: recognisers (judges/) and `soft_labels`, their answers cached where they can be.

`dlib` and `faceres` were trained by others, and need a face found. `own`, `adaptive` and `soft_labels` are trained
here, on the train split, and see the whole crop. None takes part in the training that it evaluates.
"""

import inspect
from dataclasses import dataclass

import keras
import numpy as np

from uunet import data
from uunet.evaluation import alignment, cache, transmission
from uunet.evaluation.inputs import Report, stage
from uunet.evaluation.judges import adaptive, dlib, faceres, own, soft_labels

FACE_JUDGES = {"dlib": dlib, "faceres": faceres}  # need a face found, and are not trained here
RECOGNISERS = (*FACE_JUDGES, "own", "adaptive")
JUDGES = (*RECOGNISERS, "soft_labels", "realism")  # what `uunet evaluate --judges` calls all of them
CHUNK = 64  # heads between two reports of progress


@dataclass(frozen=True)
class Judged:
    """What one recogniser says of N heads: embeddings float `(N, d)`; found, bool `(N,)`, whether it saw a face."""

    embeddings: np.ndarray
    found: np.ndarray


def faces_in(images: np.ndarray, version: str, report: Report) -> alignment.Faces:
    """The faces of a version, uint8 `(N, side, side, 3)`; those of x come from the cache if they are there."""

    def find():
        parts = []
        for start in range(0, len(images), CHUNK):
            parts.append(alignment.find_faces(images[start : start + CHUNK]))
            report(f"MTCNN on {version}", min(start + CHUNK, len(images)), len(images))
        return vars(alignment.joined(parts))

    if version == "x":
        return alignment.Faces(**cache.remembered("faces", [inspect.getsource(alignment), images], find))
    return alignment.Faces(**find())


def by_face(name: str, version: str, images: np.ndarray, faces: alignment.Faces, report: Report) -> Judged:
    """What `dlib` or `faceres` says of a version; of x, from the cache if it is there."""
    judge = FACE_JUDGES[name]

    def embed():
        parts = []
        for start in range(0, len(images), CHUNK):
            part = slice(start, start + CHUNK)
            known = alignment.Faces(**{field: values[part] for field, values in vars(faces).items()})
            parts.append(judge.judge(images[part], known)[0])
            report(f"{name} on {version}", min(start + CHUNK, len(images)), len(images))
        return {"embeddings": np.concatenate(parts)}

    if version == "x":
        source = [inspect.getsource(alignment), inspect.getsource(judge), judge.SHA256, images]
        return Judged(**cache.remembered(name, source, embed), found=faces.found)
    return Judged(**embed(), found=faces.found)


def by_crop(network: keras.Model, versions: dict[str, np.ndarray]) -> dict[str, Judged]:
    """What a recogniser that needs no face found says of each version."""
    return {
        version: Judged(
            network.predict(transmission.seen(images, own.SIDE), batch_size=256, verbose=0), np.ones(len(images), bool)
        )
        for version, images in versions.items()
    }


def trained_own(train: data.Heads, seed: int, report: Report) -> keras.Model:
    """The network of the recogniser `own`, trained on the Heads `train`."""
    return _trained("own", own, [train.images, train.labels[:, 0]], seed, report)


def trained_adaptive(train: data.Heads, known: np.ndarray, seed: int, report: Report) -> keras.Model:
    """The network of the recogniser `adaptive`, trained on Heads and `known`, their de-identified versions."""
    return _trained("adaptive", adaptive, [train.images, known, train.labels[:, 0]], seed, report)


def trained_soft_labels(train: data.Heads, seed: int, report: Report) -> keras.Model:
    """The network of the evaluator `soft_labels`, trained on the Heads `train`."""
    return _trained("soft_labels", soft_labels, [train.images, train.labels[:, 1:]], seed, report)


def labels_read(network: keras.Model, images: np.ndarray) -> list[np.ndarray]:
    """What the evaluator `soft_labels` reads in heads `(N, side, side, 3)`: see `soft_labels.split`."""
    return soft_labels.split(network.predict(transmission.seen(images, own.SIDE), verbose=0))


def _trained(name, judge, inputs, seed, report):
    """The network of an evaluator that is trained here; from the cache if it was trained before on the same inputs."""
    *images, truth = inputs
    images = [transmission.seen(part, own.SIDE) for part in images]
    source = [inspect.getsource(own), inspect.getsource(judge), str((own.EPOCHS, seed)), *images, truth]

    def train():
        network = judge.train(*images, truth, seed, stage(report, f"training {name}"))
        return {f"{k:03}": values for k, values in enumerate(network.get_weights())}

    stored = cache.remembered(name, source, train)
    network = (soft_labels if judge is soft_labels else own).network()
    network.set_weights([stored[key] for key in sorted(stored)])
    return network
