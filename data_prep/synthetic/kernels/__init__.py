"""The inner loops of the renderer, compiled by Numba.

    transform   vertex normals, bending the neck, projection
    shadows     a light's shadow map: drawing it, asking it
    raster      triangles and hairs to pixels
    shading     the colours of skin, eyes, teeth, tongue and clothes
    coverings   the colours of hair and of what is worn on the head
    textures    looking up colours in textures and panoramas
    vectors     vectors of three floats, and barycentric interpolation
    materials   the numbers of materials and of the parse map

Conventions, used by every function here and by its callers:

    points      float64 `(n, 3)`, x to the subject's left, y up, z to the front; one unit is a decimetre.
    strands     float64 `(n, k, 3)`, hairs as polylines of k points, root first.
    screen      float64 `(n, 3)` or `(n, k, 3)`: column, row (downwards) and distance from the camera.
    depth       float64 `(height, width)`, the distance of the nearest surface so far, 1e9 where there is none.
    colours     linear light, not sRGB.

A kernel takes its arrays as named tuples and unpacks them before its loop. Its helpers get floats, tuples of floats,
and single arrays. Otherwise Numba counts the references of each array in a tuple whenever a helper is called, and also
those of an array that a helper reads in one branch only. The counting takes as long as the work itself. Small helpers
of the innermost loops have `inline="always"` where it was measured to help.

Arrays named `out_*`, and those of a `raster.Canvas` or `raster.Hits`, are written in place. `fastmath` lets the
compiler reorder sums. So the last bits of a result, and after rounding a rare pixel by one level, may differ from one
CPU type to another.
"""
