"""Boxes: their types, face detection, boxes from a file, tracking through a clip, motion through a group of frames."""
