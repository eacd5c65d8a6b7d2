"""The networks of Table I, of learning from twins and of drawing without seeing, as functional models."""

from uunet.models.attribute_classifier import attribute_classifier, join
from uunet.models.generator import head_critic, head_generator, head_reader
from uunet.models.patch_critic import patch_critic
from uunet.models.twin import twin_decoder, twin_encoder
from uunet.models.unet import unet

__all__ = [
    "attribute_classifier",
    "head_critic",
    "head_generator",
    "head_reader",
    "join",
    "patch_critic",
    "twin_decoder",
    "twin_encoder",
    "unet",
]
