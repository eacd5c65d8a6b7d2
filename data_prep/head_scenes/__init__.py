"""Small scenes with true head boxes, for the head detector: `python -m data_prep.head_scenes --help` makes them.

`cutouts` has people with transparent surroundings (rendered ones, and photographs), `places` backgrounds and things
that are no heads, `scenes` puts them together and films them, and `units` shares the work out.
"""
