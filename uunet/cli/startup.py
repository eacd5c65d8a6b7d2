"""Imports Keras when a command needs it, so that `--help` and a wrong option answer at once."""

import importlib
import logging
import os


def load_keras() -> None:
    """Imports Keras and its backend without the messages that TensorFlow prints at start-up."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Heads are resized by small matrix products. A second pool of threads beside TensorFlow's makes them slower.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    stderr = os.dup(2)
    try:
        with open(os.devnull, "w") as null:
            os.dup2(null.fileno(), 2)  # C++ code prints these messages before any log level is read
        importlib.import_module("keras")
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
    logging.getLogger("tensorflow").setLevel("ERROR")  # hides advice on how Keras calls TensorFlow
