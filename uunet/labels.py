"""The label vocabulary: which labels a person has, the words of each, and the code of each word.

Everything else takes names, order and codes from here: data sets, U_e of the twin presets, evaluators, tables, the
renderer. The place of a word in its label is the word's code, so a code means the same in every split and in every set.

A new label changes more than this file:

- the columns that a manifest must have (`data.manifest.COLUMNS`), so existing data sets lack one;
- the number of virtual people (`models.twin.PEOPLE`) and the shapes of U_e and D_a, so existing weights do not fit;
- t, the number of labels, and with it the length of s (its defaults in `config`, each `--s`).

A new word of a label changes the codes of the words after it, the number of virtual people and the shape of U_e.
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
