"""How well people are hidden and restored: metrics, evaluators, attackers. Plain NumPy in, numbers out."""
