"""Files of envelopes: what is written is read, one envelope at a time, and every other file is refused."""

import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uunet.wire import sidecar
from uunet.wire.sidecar import SidecarError

HEAD = b"UOSC\1"


def written(envelopes):
    file = io.BytesIO()
    sidecar.start(file)
    for envelope in envelopes:
        sidecar.write(file, envelope)
    return file.getvalue()


def read(tmp_path, data):
    path = tmp_path / "a.originals"
    path.write_bytes(data)
    return list(sidecar.envelopes(path))


def test_the_bytes_are_as_specified():
    assert written([b"ab", b"", b"c"]) == HEAD + b"\0\0\0\2ab" + b"\0\0\0\0" + b"\0\0\0\1c"


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=8))
def test_round_trip(tmp_path_factory, envelopes):
    assert read(tmp_path_factory.mktemp("sidecar"), written(envelopes)) == envelopes


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is not a sidecar file"),
        (b"UOS", "is not a sidecar file"),
        (b"UOSD\1\0\0\0\0", "is not a sidecar file"),
        (b"UOSC", "version none"),
        (b"UOSC\2\0\0\0\0", "version 2 where this program reads version 1"),
        (HEAD, "at frame 0"),
        (HEAD + b"\0\0\0", "at frame 0"),
        (HEAD + b"\0\0\0\2a", "at frame 0"),
        (HEAD + b"\0\0\0\1a" + b"\0", "at frame 1"),
        (HEAD + b"\0\0\0\1a" + b"more", "at frame 1"),
        (HEAD + b"\0\0\0\1a" + b"\xff\xff\xff\xff" + b"b" * 99, "at frame 1"),
    ],
)
def test_other_files_are_refused(tmp_path, data, says):
    with pytest.raises(SidecarError, match=f"a.originals .*{says}") as caught:
        read(tmp_path, data)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


@given(st.data())
def test_every_cut_and_every_changed_byte_is_read_or_refused(tmp_path_factory, data):
    whole = written([b"abc", b"", b"defgh"])
    cut = data.draw(st.integers(0, len(whole)))
    changed = bytearray(whole[:cut])
    if changed:
        changed[data.draw(st.integers(0, cut - 1))] = data.draw(st.integers(0, 255))
    try:
        read(tmp_path_factory.mktemp("sidecar"), bytes(changed))
    except SidecarError:
        pass


def test_missing_files_and_folders_are_refused(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(SidecarError, match="cannot be read"):
            list(sidecar.envelopes(path))


def test_an_announced_length_costs_no_memory(tmp_path):
    """A sparse file of 4 GB that announces an envelope of 4 GB."""
    path = tmp_path / "huge"
    with path.open("wb") as file:
        file.write(HEAD + b"\xff\xff\xff\xf0")
        file.truncate(2**32 + 100)
    tracemalloc.start()
    with pytest.raises(SidecarError, match="damaged at frame 0"):
        list(sidecar.envelopes(path))
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_an_envelope_at_a_time(tmp_path):
    path = tmp_path / "long"
    with path.open("wb") as file:
        sidecar.start(file)
        for _ in range(100):
            sidecar.write(file, bytes(2**20))
    tracemalloc.start()
    assert sum(len(envelope) for envelope in sidecar.envelopes(path)) == 100 * 2**20
    assert tracemalloc.get_traced_memory()[1] < 5 * 2**20
    tracemalloc.stop()


def test_too_long_an_envelope_is_not_written(monkeypatch):
    monkeypatch.setattr(sidecar, "MAX_LENGTH", 10)
    file = io.BytesIO()
    sidecar.write(file, bytes(10))
    with pytest.raises(SidecarError, match="11 bytes where a sidecar file holds 10"):
        sidecar.write(file, bytes(11))
    assert len(file.getvalue()) == 14
