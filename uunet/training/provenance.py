"""Where a result came from: command, commit, configuration, data, seed, device, time."""

import datetime
import json
import platform
import subprocess
import sys
from pathlib import Path

import keras

from uunet import config as configuration


def record(config, *, data_sha256, seconds, steps):
    """The provenance of a trained network as a dict of JSON values.

    Args:
        config: the run's config dataclass.
        data_sha256: str, `data.Heads.sha256` of the training split.
        seconds: float, wall time of the training.
        steps: int, steps trained.
    """
    return {
        "command": " ".join(["uunet", *sys.argv[1:]]),
        "commit": commit(),
        "config": json.loads(configuration.to_json(config)),
        "data_sha256": data_sha256,
        "seed": config.seed,
        "steps": steps,
        "seconds": round(seconds),
        "device": f"{platform.processor() or platform.machine()}, Keras {keras.__version__} on "
                  f"{keras.backend.backend()}",
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def commit():
    """The commit of the running checkout, with "+changes" if it differs from it; "unknown" outside one."""
    def git(*arguments):
        return subprocess.run(
            ["git", *arguments], cwd=Path(__file__).parent, capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+changes" if git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
