"""The four networks of Table I, and those of learning from twins, as functional Keras models, without training code."""

from uunet.models.attribute_classifier import attribute_classifier, join
from uunet.models.patch_critic import patch_critic
from uunet.models.twin import twin_decoder, twin_encoder
from uunet.models.unet import unet

__all__ = ["attribute_classifier", "join", "patch_critic", "twin_decoder", "twin_encoder", "unet"]
