"""Writes dlib.json: what face-api itself, in JavaScript, makes of three pictures. Needs node 20 and the npm package.

npm pack @vladmandic/face-api@1.7.15 && tar xzf vladmandic-face-api-1.7.15.tgz
python tests/golden/make_dlib.py package
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import skimage

SCRIPT = """
import fs from 'fs';
globalThis.window = globalThis;  // face-api then takes node for a browser, which needs no further packages
globalThis.document = {addEventListener() {}};
globalThis.addEventListener = () => {};
const [folder, source, target] = process.argv.slice(2);
const faceapi = await import(folder + '/dist/face-api.esm.js');
const tf = faceapi.tf;
await tf.setBackend('cpu');
const model = folder + '/model/face_recognition_model';
const manifest = JSON.parse(fs.readFileSync(model + '-weights_manifest.json'));
const network = new faceapi.FaceRecognitionNet();
const weights = new Uint8Array(fs.readFileSync(model + '.bin')).buffer;
network.loadFromWeightMap(tf.io.decodeWeights(weights, manifest[0].weights));
const pixels = fs.readFileSync(source), size = 150 * 150 * 3, embeddings = [];
for (let start = 0; start < pixels.length; start += size) {
  const chip = tf.tensor3d(Int32Array.from(pixels.subarray(start, start + size)), [150, 150, 3], 'int32');
  embeddings.push(Array.from(await network.forwardInput(new faceapi.NetInput([chip])).data()));
}
fs.writeFileSync(target, JSON.stringify(embeddings));
"""


def chips():
    """uint8 `(3, 150, 150, 3)`: the astronaut's face, its mirror image, noise."""
    face = skimage.data.astronaut()[38:188, 148:298]
    return np.stack([face, face[:, ::-1], np.random.default_rng(0).integers(0, 256, face.shape, np.uint8)])


def main(package):
    """Runs face-api; `package` is its unpacked folder."""
    with tempfile.TemporaryDirectory() as folder:
        script, source, target = (Path(folder, name) for name in ("run.mjs", "chips.bin", "embeddings.json"))
        script.write_text(SCRIPT)
        source.write_bytes(chips().tobytes())
        subprocess.run(["node", script, Path(package).resolve(), source, target], check=True)
        embeddings = np.round(json.loads(target.read_text()), 6).tolist()
    provenance = "face-api 1.7.15 (npm @vladmandic/face-api), CPU backend of TensorFlow.js; tests/golden/make_dlib.py"
    content = json.dumps({"provenance": provenance, "embeddings": embeddings})
    Path(__file__).with_name("dlib.json").write_text(content + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
