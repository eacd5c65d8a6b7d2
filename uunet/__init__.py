"""Reversible face de-identification: a reproduction of the UU-Net (H. Proença), and the tool it describes.

Start with `uunet.pipeline` (use it), `uunet.losses` (the equations) or `uunet.training.objective` (how they meet).
"""
