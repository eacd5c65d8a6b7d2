"""Metrics: plain NumPy in, numbers out."""
