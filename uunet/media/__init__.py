"""Video and picture files: how public files are written and read."""
