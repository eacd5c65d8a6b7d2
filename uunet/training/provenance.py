"""The provenance of a result: command, commit, configuration, data, seed, device, time."""

import dataclasses
import datetime
import functools
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras

ROOT = Path(__file__).parents[2]


def record(config: Any, run: dict, *, steps: int, seconds: float) -> dict:
    """The provenance of a trained network as a dict of JSON values.

    Args:
        config: the config dataclass of the run.
        run: dict of JSON values: hashes of the data and of other inputs.
        steps: int, training steps done.
        seconds: float, duration of the training, all stages together.
    """
    return made(config.seed, seconds) | {"config": dataclasses.asdict(config), **run, "steps": steps}


def made(seed: int, seconds: float) -> dict:
    """How any result was made: command, commit, seed, duration in seconds, device and time of the end."""
    return {
        "command": " ".join(["uunet", *sys.argv[1:]]),
        "commit": commit(),
        "seed": seed,
        "seconds": round(seconds),
        "device": device(),
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def device() -> str:
    """The hardware and its software: accelerators if there are any, processor, cores, Keras and its backend."""
    processor = platform.machine()
    if Path("/proc/cpuinfo").exists():
        names = [
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ]
        processor = f"{names[0]} ({processor})" if names else processor
    devices = ", ".join(keras.distribution.list_devices())
    return f"{devices}; {os.cpu_count()} cores of {processor}; Keras {keras.__version__}, {keras.backend.backend()}"


@functools.cache
def commit() -> str:
    """The commit of the checkout, with "+changes" if files differ from it; "unknown" outside of a checkout.

    git runs in the first call; later calls return the same. Call it before a long computation: the checkout may change
    while that runs.
    """

    def git(*arguments):
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")) != ROOT:  # installed somewhere inside another repository
            return "unknown"
        return git("rev-parse", "HEAD") + ("+changes" if git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
