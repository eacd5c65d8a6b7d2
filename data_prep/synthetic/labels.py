"""The words of the labels, the same in every set: those of P-DESTRE.

The words are those of `uunet.labels`. Their order here is part of what a seed samples, and of P-DESTRE's codes: it
differs from that of `uunet.labels`, and must not change.
"""

from uunet.labels import UNKNOWN

VALUES = {
    "gender": ("male", "female"),
    "ethnicity": ("white", "black", "asian", "indian"),
    "hairstyle": ("bald", "short", "medium", "long", "horsetail"),
}
LABELS = tuple(VALUES)
WORDS = {label: (*values, UNKNOWN) for label, values in VALUES.items()}  # of sets in which a label may be unknown
