"""The words of the labels, the same in every set: those of P-DESTRE.

Their order is part of what a seed draws, and of P-DESTRE's codes. It must not change.
"""

UNKNOWN = "unknown"
VALUES = {
    "gender": ("male", "female"),
    "ethnicity": ("white", "black", "asian", "indian"),
    "hairstyle": ("bald", "short", "medium", "long", "horsetail"),
}
LABELS = tuple(VALUES)
WORDS = {label: (*values, UNKNOWN) for label, values in VALUES.items()}  # of sets in which a label may be unknown
