"""Where a result came from: command, commit, configuration, data, seed, device, time."""

import dataclasses
import datetime
import functools
import os
import platform
import subprocess
import sys
from pathlib import Path

import keras

ROOT = Path(__file__).parents[2]


def record(config, run, *, steps, seconds):
    """The provenance of a trained network as a dict of JSON values.

    Args:
        config: the run's config dataclass.
        run: dict of JSON values: hashes of the data and of other inputs.
        steps: int, training steps done.
        seconds: float, time of the training, all its parts together.
    """
    return made(config.seed, seconds) | {"config": dataclasses.asdict(config), **run, "steps": steps}


def made(seed, seconds):
    """How any result was made: command, commit, seed, duration in seconds, device and time of the end."""
    return {
        "command": " ".join(["uunet", *sys.argv[1:]]),
        "commit": commit(),
        "seed": seed,
        "seconds": round(seconds),
        "device": device(),
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def device():
    """What computed: accelerators if there are any, processor, cores, Keras and its backend."""
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
def commit():
    """The commit that is running, with "+changes" if the checkout differs from it; "unknown" outside one."""

    def git(*arguments):
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")) != ROOT:  # installed somewhere inside another repository
            return "unknown"
        return git("rev-parse", "HEAD") + ("+changes" if git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


commit()  # remembered now: a checkout may move on while a training runs
