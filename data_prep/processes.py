"""Work shared out among processes, each of which computes with one thread."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent import futures

import cv2

from uunet.errors import UUNetError

# several threads may add numbers in another order
SINGLE_THREAD = {
    name: "1"
    for name in (
        "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS",
        "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS",
    )
}  # fmt: skip


class ProcessError(UUNetError):
    """A process was killed from outside."""


def each(job: Callable, items: Iterable, workers: int) -> Iterator[tuple]:
    """Calls `job` for each item, in new processes.

    Args:
        job: callable of one item; can be pickled, as can its result.
        items: hashable, can be pickled.
        workers: int >= 1, at most so many processes.

    Yields:
        (item, result) as they are finished, in any order.

    Raises:
        ProcessError: if a process was killed. What a job raises is raised here.
    """
    items = list(items)
    if not items:
        return
    inherited = {name: os.environ.get(name) for name in SINGLE_THREAD}
    os.environ.update(SINGLE_THREAD)  # read by the libraries when a child process imports them
    try:
        pool = futures.ProcessPoolExecutor(
            min(workers, len(items)), multiprocessing.get_context("spawn"), initializer=_start
        )
        try:
            item_of = {pool.submit(job, item): item for item in items}
            for done in futures.as_completed(item_of):
                yield item_of[done], done.result()
        finally:
            pool.shutdown(cancel_futures=True)
    except futures.process.BrokenProcessPool as error:
        raise ProcessError("A process was killed: run the command again with fewer --workers.") from error
    finally:
        for name, value in inherited.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _start():
    parent = multiprocessing.parent_process()
    threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()  # ends when the parent ends
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
