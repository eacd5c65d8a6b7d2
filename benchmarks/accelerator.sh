#!/bin/sh
# benchmarks/accelerator.py on a machine that has JAX, NumPy, SciPy, OpenCV, scikit-image, scikit-learn and safetensors
# on Python 3.12, but no Keras and no network. From the root of a checkout:
#
#     sh benchmarks/accelerator.sh fetch     with network, once: what is missing there, as wheels in carried/
#     sh benchmarks/accelerator.sh carried/heads.npz --out DIR --minutes 9     there
set -e
if [ "$1" = fetch ]; then
    exec python3 -m pip download --quiet --no-deps --only-binary=:all: --python-version 3.12 --implementation cp \
        --platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 --dest carried \
        keras==3.15.1 namex==0.1.0 optree==0.20.0
fi
python3 -m pip install --quiet --no-index --no-deps --no-compile --no-cache-dir --upgrade \
    --target carried/site carried/*.whl
KERAS_BACKEND=jax PYTHONPATH=carried/site exec python3 -m benchmarks.accelerator "$@"
