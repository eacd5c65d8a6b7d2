"""The vocabulary of labels, and that those who order its words otherwise have the same words."""

from data_prep.synthetic import labels as renderer
from uunet import labels
from uunet.models import twin


def test_labels_are_the_papers():
    assert labels.LABELS == ("ID", "gender", "ethnicity", "hairstyle")  # section III-A


def test_a_code_is_the_place_of_its_word():
    assert labels.code("gender", "male") == 1 and labels.code("hairstyle", "bald") == 0
    assert labels.code("ethnicity", "unknown") == labels.UNKNOWN_CODE == -1


def test_virtual_people_have_every_combination_of_labels():
    assert twin.LABELS == (2, 4, 5) and twin.PEOPLE == 2 * 4 * 5 * labels.PEOPLE_PER_COMBINATION == 160


def test_renderer_and_loaders_use_the_same_words():
    assert set(renderer.VALUES) == set(labels.VALUES)
    for label, words in labels.VALUES.items():
        assert sorted(renderer.VALUES[label]) == sorted(words)
        assert sorted(renderer.WORDS[label]) == sorted((*words, labels.UNKNOWN))
