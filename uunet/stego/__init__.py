"""Hiding bytes in pixels, one file a method, each with `hide`, `reveal` and `capacity`: on arrays, `jpeg` on files.

`keystream` draws what both ends of a channel must draw alike: the order in which samples carry bits.

The paper cites a steganalysis paper for this step ([14], section III-C) and does not say how it embeds. Our choices:
`lsb` for lossless files, `jpeg` for JPEG files that stay as they are, `qim` for lossy video (docs/steganography.md).
"""
