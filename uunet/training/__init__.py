"""Both learning phases: `classifier` (I) and `adversarial` (II) over one objective, with a thin step a backend."""
