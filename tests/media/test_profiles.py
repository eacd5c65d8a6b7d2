"""How public files are written: which profile a file gets, and what it cannot have."""

import dataclasses

import pytest

from uunet.media import profiles, video_writing
from uunet.wire import messages


@pytest.mark.parametrize(
    ("target", "among", "name", "crf", "says"),
    [
        ("a.avi", profiles.VIDEOS, None, None, "cannot be a public video: write .webm, .mkv, .mp4 or .mov; .*8-bit"),
        ("a.mp4", profiles.VIDEOS, "lossless-web", None, "cannot be of the profile lossless-web: name a .webm file"),
        ("a.mp4", profiles.VIDEOS, "lossless", None, "no profile 'lossless' for this; there are lossless-web, "),
        ("a.jpg", profiles.PICTURES, "h264", None, "no profile 'h264' for this; there are png, jpeg"),
        ("a.gif", profiles.PICTURES, None, None, "name a .png or .jpg file"),
        ("a.webm", profiles.VIDEOS, None, 23, "has no crf"),
        ("a.mov", profiles.VIDEOS, None, 23, "has no crf"),
        ("a.mp4", profiles.VIDEOS, None, 0, 'not 0: .*"lossless" H.264 in 8-bit YUV still rounds'),
        ("a.mp4", profiles.VIDEOS, None, 52, "not 52"),
    ],
)
def test_no_such_profile(target, among, name, crf, says):
    with pytest.raises(profiles.ProfileError, match=says):
        profiles.choose(target, among, name, crf)


@pytest.mark.parametrize(
    ("target", "method", "says"),
    [("a.mp4", "jpeg", "choose qim"), ("a.webm", "jpeg", "lsb or qim"), ("a.mov", "lsb", "qim or jpeg"),
     ("a.mkv", "dct", "by the method 'dct'")],
)  # fmt: skip
def test_a_method_that_the_file_cannot_carry(target, method, says):
    with pytest.raises(profiles.ProfileError, match=f"{target[1:]} file cannot hide.*{says}"):
        profiles.choose(target, profiles.VIDEOS, method=method)


CASES = [
    (among, profile, suffix)
    for among in (profiles.VIDEOS, profiles.PICTURES)
    for profile in among
    for suffix in profile.suffixes
]


@pytest.mark.parametrize(("among", "profile", "suffix"), CASES, ids=[suffix for *_, suffix in CASES])
def test_every_profile_is_found_by_suffix_and_name(among, profile, suffix):
    path = f"A.B{suffix.upper()}"
    assert profiles.choose(path, among, profile.name) == profile
    assert profiles.choose(path, among) == next(other for other in among if suffix in other.suffixes)


@pytest.mark.parametrize(("among", "profile", "suffix"), CASES, ids=[suffix for *_, suffix in CASES])
def test_every_method_of_a_profile_can_be_chosen(among, profile, suffix):
    for method in profile.says:
        assert profiles.choose(f"a{suffix}", among, profile.name, method=method) == dataclasses.replace(
            profile, method=method
        )
        if (profile, suffix) != (profiles.H264, ".mkv"):  # see below
            assert profiles.of(f"a{suffix}", method) == profile.name


@pytest.mark.parametrize("profile", profiles.ALL, ids=lambda profile: profile.name)
def test_every_profile_says_what_survives(profile):
    assert profile.method in profile.says
    assert all(sentence.endswith(".") for sentence in profile.says.values())


@pytest.mark.parametrize("profile", profiles.ALL, ids=lambda profile: profile.name)
def test_single_levels_are_hidden_in_exact_files_only(profile):
    assert profile.exact == (messages.LSB in profile.says)


def test_a_crf_replaces_that_of_the_profile():
    changed = profiles.choose("a.mp4", profiles.VIDEOS, crf=28)
    assert changed == dataclasses.replace(profiles.H264, options={**profiles.H264.options, "crf": "28"})


def test_h264_goes_into_matroska_where_it_is_named():
    assert profiles.choose("a.mkv", profiles.VIDEOS).name == "lossless-archive"
    assert profiles.choose("a.mkv", profiles.VIDEOS, "h264", crf=28).options["crf"] == "28"


@pytest.mark.parametrize("name", ["h264", "lossless-archive"])
def test_two_kinds_of_matroska_are_told_apart_by_their_codec(tmp_path, clip, name):
    profile = profiles.choose("a.mkv", profiles.VIDEOS, name, method=messages.QIM)
    video_writing.convert(
        clip, tmp_path / "new.mkv", profile, lambda frames, first: [frame.rgb for frame in frames], lambda done: None
    )
    assert profiles.of(tmp_path / "new.mkv", messages.QIM) == name


def test_every_suffix_of_a_video_has_a_container():
    assert {suffix for profile in profiles.VIDEOS for suffix in profile.suffixes} == set(profiles.CONTAINERS)
