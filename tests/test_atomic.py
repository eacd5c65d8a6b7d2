"""Nothing half-written, nothing overwritten unasked, the input never touched."""

import os

import pytest

from uunet import atomic
from uunet.atomic import OutputError, new_file, new_files


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "in.bin"
    path.write_bytes(b"input")
    return path


def write(target, source, overwrite=False):
    with new_file(target, source, overwrite=overwrite) as part:
        assert part.parent == target.parent and part.suffix == target.suffix
        part.write_bytes(b"result")


def test_writes(tmp_path, source):
    write(tmp_path / "out.bin", source)
    assert (tmp_path / "out.bin").read_bytes() == b"result"
    assert sorted(os.listdir(tmp_path)) == ["in.bin", "out.bin"]


def test_overwrites_only_when_asked(tmp_path, source):
    target = tmp_path / "out.bin"
    target.write_bytes(b"old")
    with pytest.raises(OutputError, match="exists already"):
        write(target, source)
    assert target.read_bytes() == b"old"
    write(target, source, overwrite=True)
    assert target.read_bytes() == b"result"


def test_a_device_or_pipe_is_never_replaced(tmp_path, source):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "null").symlink_to("/dev/null")
    for name in ("pipe", "null"):
        with pytest.raises(OutputError, match="is a device or a pipe, not a file"):
            write(tmp_path / name, source, overwrite=True)
    assert sorted(os.listdir(tmp_path)) == ["in.bin", "null", "pipe"]


def test_the_input_is_never_replaced(tmp_path, source):
    (tmp_path / "link.bin").symlink_to(source)
    for target in (source, tmp_path / "link.bin"):
        with pytest.raises(OutputError, match="is the input itself"):
            write(target, source, overwrite=True)
    assert source.read_bytes() == b"input"


def test_appeared_meanwhile(tmp_path, source):
    target = tmp_path / "out.bin"
    with pytest.raises(OutputError, match="exists already"):
        with new_file(target, source, overwrite=False):
            target.write_bytes(b"somebody else's")
    assert target.read_bytes() == b"somebody else's"
    assert sorted(os.listdir(tmp_path)) == ["in.bin", "out.bin"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_any_error_leaves_nothing(tmp_path, source, error):
    with pytest.raises(error):
        with new_file(tmp_path / "out.bin", source, overwrite=False) as part:
            part.write_bytes(b"half")
            raise error
    assert os.listdir(tmp_path) == ["in.bin"]


def test_folder_missing(tmp_path, source):
    with pytest.raises(OutputError, match="cannot be written .No such file or directory.: make its folder first"):
        write(tmp_path / "none" / "out.bin", source)


def test_folder_named(tmp_path, source):
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        write(tmp_path / "folder", source, overwrite=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_no_right_to_write(tmp_path, source):
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(OutputError, match="Permission denied"):
        write(tmp_path / "locked" / "out.bin", source)


def test_the_bytes_are_on_the_disk_before_they_have_their_name(tmp_path, source, monkeypatch):
    events = []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda number: events.append("sync") or sync(number))
    monkeypatch.setattr(os, "replace", lambda *paths: events.append("replace") or replace(*paths))
    write(tmp_path / "out.bin", source)
    assert events == ["sync", "replace", "sync"]  # the file, its name


def write_pair(tmp_path, source, overwrite=False):
    with new_files([tmp_path / "out.bin", tmp_path / "side.bin"], source, overwrite=overwrite) as parts:
        for part in parts:
            part.write_bytes(b"result")


def test_two_files_that_belong_together(tmp_path, source):
    write_pair(tmp_path, source)
    write_pair(tmp_path, source, overwrite=True)
    assert sorted(os.listdir(tmp_path)) == ["in.bin", "out.bin", "side.bin"]
    with pytest.raises(OutputError, match="out.bin exists already"):
        write_pair(tmp_path, source)


@pytest.mark.parametrize("failing", ["out.bin", "side.bin"])
@pytest.mark.parametrize("before", [{}, {"out.bin": b"old", "side.bin": b"old"}, {"out.bin": b"old"}])
def test_of_two_files_both_get_their_names_or_none(tmp_path, source, monkeypatch, failing, before):
    """What was there before is there again."""
    for name, data in before.items():
        (tmp_path / name).write_bytes(data)
    replace = os.replace

    def refuse(old, new):
        if os.path.basename(new) == failing and ".part" in os.path.basename(old):
            raise OSError(28, "No space left on device", str(old))
        replace(old, new)

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OutputError, match=f"{failing} cannot be written .No space left"):
        write_pair(tmp_path, source, overwrite=True)
    found = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert found == {"in.bin": b"input"} | before


def test_no_file_is_completed_after_a_signal(tmp_path, monkeypatch):
    """Also if what the signal raised was lost."""
    monkeypatch.setattr(atomic, "stopped", 15)
    with pytest.raises(SystemExit) as left, atomic.new_file(tmp_path / "out", overwrite=False) as part:
        part.write_text("whole")
    assert left.value.code == 143 and not list(tmp_path.iterdir())
