"""The numbers of materials and of the parse map."""

# materials of the mesh; the parse map stores material + 1
SKIN, EYE, LASHES, TEETH, TONGUE, CLOTH = range(6)

# values of the parse map for what is not part of the mesh
PARSE_HAIR, PARSE_BEARD, PARSE_GLASSES = 7, 8, 9
PARSE_HEADWEAR, PARSE_MASK, PARSE_LENS, PARSE_OCCLUDER = 10, 11, 12, 13
