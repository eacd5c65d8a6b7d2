"""The log of openings: each change but a cut at the end is found, and nothing is appended to a broken log."""

import hashlib
import json
import multiprocessing
import os
import stat

import pytest

from uunet import audit

ENTRY = audit.Entry("reconstruct", bytes(range(16)), bytes(range(32)), [3, 1], "dc57-99aa")


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "openings.log"
    for tracks in ([1], None, [2**32 - 1], [], [7]):
        audit.append(path, audit.Entry("reconstruct", bytes(16), bytes(32), tracks, "fingerprint"))
    return path


def test_an_entry(tmp_path):
    path = tmp_path / "openings.log"
    state = audit.append(path, ENTRY)
    values = json.loads(path.read_text())
    assert values.pop("time").endswith("+00:00")
    assert values == {
        "command": "reconstruct",
        "stream_id": bytes(range(16)).hex(),
        "sha256": bytes(range(32)).hex(),
        "tracks": [1, 3],
        "identity": "dc57-99aa",
        "previous": "0" * 64,
    }
    assert state == (1, hashlib.sha256(path.read_bytes()[:-1]).hexdigest()) == audit.verify(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_chain(log):
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert len(lines) == audit.verify(log).entries == 5
    for before, line in zip(log.read_bytes().splitlines(), lines[1:], strict=False):
        assert line["previous"] == hashlib.sha256(before).hexdigest()


def test_an_empty_log(tmp_path):
    (tmp_path / "log").touch()
    assert audit.verify(tmp_path / "log") == (0, audit.FIRST)


@pytest.mark.parametrize("content", [b"-----BEGIN PRIVATE KEY-----\n", b"\x89PNG\r\n", b"text"])
def test_another_file_is_no_log(tmp_path, content):
    path = tmp_path / "authority.key"
    path.write_bytes(content)
    for call in (lambda: audit.append(path, ENTRY), lambda: audit.verify(path)):
        with pytest.raises(audit.AuditError, match="is no log of openings: leave it as it is"):
            call()
    assert path.read_bytes() == content


@pytest.mark.slow
def test_each_byte(log):
    data = log.read_bytes()
    lines = data[: data.rindex(b"\n", 0, -1) + 1]  # a changed last line is a new last line: only its form is checked
    for at in range(len(lines)):
        log.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(audit.AuditError, match=r"is broken at line [1-5]"):
            audit.verify(log)


@pytest.mark.parametrize(
    "change, broken",
    [
        (lambda lines: lines[1:], 1),
        (lambda lines: lines[:1] + lines[2:], 2),
        (lambda lines: lines[:2] + lines[1:], 3),
        (lambda lines: [*lines[:2], lines[3], lines[2], lines[4]], 3),
        (lambda lines: [*lines[:4], b"\n", lines[4]], 5),
        (lambda lines: [*lines[:4], b"{}\n", lines[4]], 5),
        (lambda lines: [*lines, b"[" * 5000 + b"\n"], 6),
        (lambda lines: [*lines, lines[4].replace(b'"tracks": [7]', b'"tracks": [7.0]')], 6),
        (lambda lines: [*lines, b"\xff\xfe\n"], 6),
        (lambda lines: [*lines, b"a" * 2**21], 6),
    ],
)
def test_lines_moved(log, change, broken):
    log.write_bytes(b"".join(change(log.read_bytes().splitlines(keepends=True))))
    before = log.read_bytes()
    for look in (audit.verify, lambda path: audit.append(path, ENTRY)):
        with pytest.raises(audit.AuditError, match=f"is broken at line {broken}, .*keep the file as evidence"):
            look(log)
    assert log.read_bytes() == before


def test_a_cut_end_shows_in_the_count_alone(log):
    noted = audit.verify(log)
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))
    assert audit.verify(log).entries == noted.entries - 1 and audit.verify(log).last != noted.last


def test_an_interrupted_line(log):
    data = log.read_bytes()
    log.write_bytes(data[:-10])
    for look in (audit.verify, lambda path: audit.append(path, ENTRY)):
        with pytest.raises(audit.AuditError, match=r"at line 5, the last, .*cut it after line 4 \(head -n 4\)"):
            look(log)
    assert log.read_bytes() == data[:-10]


def test_a_full_disk(log, monkeypatch):
    """A line is written as a whole or not at all."""
    before = log.read_bytes()

    def full(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(audit.os, "fsync", full)
    with pytest.raises(audit.AuditError, match="No space left"):
        audit.append(log, ENTRY)
    assert log.read_bytes() == before and audit.verify(log).entries == 5


def test_a_pipe_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for look in (audit.verify, lambda path: audit.append(path, ENTRY)):
        with pytest.raises(audit.AuditError, match="is not a file"):
            look(tmp_path / "pipe")


def test_paths_that_are_no_logs(tmp_path):
    for path in (tmp_path, tmp_path / "no" / "log", "/dev/null", "/dev/zero"):
        with pytest.raises(audit.AuditError):
            audit.append(path, ENTRY)
    for path in (tmp_path, tmp_path / "log", "/dev/null", "/dev/zero"):
        with pytest.raises(audit.AuditError):
            audit.verify(path)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_logged(tmp_path):
    for wrong in ({"stream_id": b""}, {"sha256": bytes(31)}, {"tracks": [-1]}, {"tracks": ["1"]}, {"command": None}):
        values = {**vars(ENTRY), **wrong}
        with pytest.raises(ValueError):
            audit.append(tmp_path / "log", audit.Entry(**values))
    odd = audit.Entry('a\n"\u2028\ud800', bytes(16), bytes(32), None, "")
    audit.append(tmp_path / "log", odd)
    assert audit.verify(tmp_path / "log").entries == 1


def _append(path):
    for _ in range(10):
        audit.append(path, ENTRY)


def test_two_writers_at_once(tmp_path):
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_append, args=(tmp_path / "log",)) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert audit.verify(tmp_path / "log").entries == 20
