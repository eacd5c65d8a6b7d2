"""The label vocabulary: which labels a person has, the words of each, and the code of each word.

Everything else takes names, order and codes from here: data sets, U_e of the twin presets, judges, tables, renderer.
The order of a label's words is its code, so a code means the same in every split and in every set.
"""

VALUES = {  # the three soft labels of section III-A -> their words, in the order of their codes
    "gender": ("female", "male"),
    "ethnicity": ("asian", "black", "indian", "white"),
    "hairstyle": ("bald", "horsetail", "long", "medium", "short"),
}
LABELS = ("ID", *VALUES)  # section III-A, the t = 4 labels of Eq. 1, in the order of s
UNKNOWN = "unknown"  # the word for a label that nobody annotated
UNKNOWN_CODE = -1
PEOPLE_PER_COMBINATION = 4  # virtual people of each gender, ethnicity and hairstyle


def code(label: str, word: str) -> int:
    """The code of a word: its place in `VALUES[label]`, or `UNKNOWN_CODE` for "unknown"."""
    return UNKNOWN_CODE if word == UNKNOWN else VALUES[label].index(word)
