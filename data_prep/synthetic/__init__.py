"""Rendered surveillance heads: the default data set. `python -m data_prep.synthetic --help` writes one.

One file a step: `identity` (who) -> `head` (`mesh`, `skin`, `hair`: their shape) and, within the limits of a `domain`,
`sequence` (`light`, `degrade`: where and how seen) -> `render` (pictures) -> `dataset` (files, with a `twin` for each
crop on request) or `scene` (a clip).
"""
