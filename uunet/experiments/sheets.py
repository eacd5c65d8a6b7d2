"""Rows of heads, as the paper shows them."""


def show(axes, pictures, titles=()):
    """Heads `(n, H, W, 3)` in n axes, with titles over them if there are any."""
    for axis in axes:
        axis.axis("off")
    for axis, picture in zip(axes, pictures, strict=False):
        axis.imshow(picture, interpolation="bicubic")
    for axis, title in zip(axes, titles, strict=False):
        axis.set_title(title, fontsize=8)


def people(heads, count):
    """Indices of sequences, in frame order, of the first `count` people: list of list of int arrays."""
    return list(heads.by_subject.values())[:count]
