"""Both learning phases, `classifier` (I) and `adversarial` (II), and learning from twins: one step per backend."""
