"""Work shared out among processes: results, failures, and a process that is killed."""

import os

import pytest

from data_prep import processes


def test_each_item_is_done_once_with_one_thread_and_the_environment_is_left_alone(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    names = ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"]
    assert sorted(processes.each(os.getenv, names, 2)) == sorted((name, "1") for name in names)
    assert os.environ["OMP_NUM_THREADS"] == "7" and "MKL_NUM_THREADS" not in os.environ
    assert list(processes.each(os.getenv, [], 2)) == []


def test_what_a_job_raises_is_raised_and_a_killed_process_is_one_sentence():
    with pytest.raises(FileNotFoundError):
        list(processes.each(os.listdir, ["/no such folder"], 1))
    with pytest.raises(processes.ProcessError, match="fewer --workers"):
        list(processes.each(os._exit, [3], 1))
