"""Tests see no file that only some machines have."""

import os
import pwd
import subprocess
import sys
from pathlib import Path

from uunet.evaluation import cache
from uunet.evaluation.judges import faceres

ELSEWHERE = "from pathlib import Path; from uunet.evaluation import cache; print(Path.home(), cache.FOLDER)"


def test_home_and_cache_are_those_of_a_fresh_machine():
    """Here, and in a program that a test starts."""
    home = Path.home()
    assert home != Path(pwd.getpwuid(os.getuid()).pw_dir)
    assert home.name.startswith("uunet-tests-")
    assert cache.FOLDER == home / ".cache" / "uunet"
    assert not faceres.PATH.exists()  # nothing here fetches it
    told = subprocess.run([sys.executable, "-c", ELSEWHERE], check=True, capture_output=True, text=True).stdout
    assert told.split() == [str(home), str(cache.FOLDER)]
