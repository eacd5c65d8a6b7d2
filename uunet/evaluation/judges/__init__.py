"""Recognisers made by others, to judge with.

Rule: a judge never takes part in training, nor in the choice of weights, thresholds or settings. Nothing in
`uunet.training`, `uunet.models` or `uunet.pipeline` imports this package (tests/evaluation/test_judges.py). A network
that was trained against its judge fools that judge, which says nothing about the next one.

A judge is a module with `judge(images) -> (embeddings, found)`; `found` is False where no face was found: such
pictures have no score and are counted apart.
"""
