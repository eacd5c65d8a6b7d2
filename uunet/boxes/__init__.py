"""Head boxes: finding them, following them through a clip, moving them in straight lines."""
