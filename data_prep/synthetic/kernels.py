"""The inner loops, compiled by numba: vertex normals, posing, projection, rasterisers, shadow maps, shading.

Conventions, used by every function here and by its callers:

    points      float64 `(n, 3)`, x to the subject's left, y up, z to the front; one unit is a decimetre.
    strands     float64 `(n, k, 3)`, hairs as polylines of k points, root first.
    screen      float64 `(n, 3)` or `(n, k, 3)`: column, row (downwards) and distance from the camera.
    depth       float64 `(height, width)`, the distance of the nearest surface so far, 1e9 where there is none.
    light       `(axis_x, axis_y, direction)`: unit vectors; `direction` points towards the light.
    colours     linear light, not sRGB.

Arrays named `out_*`, and `depth`, are written in place. `fastmath` lets the compiler reorder sums, so the last bits
of a result, and after rounding a rare pixel by one level, may differ from one CPU type to another.
"""

import math

import numpy as np
from numba import njit

# materials of the mesh; the parse map stores material + 1, and below the value of what is drawn as lines
SKIN, EYE, LASHES, TEETH, TONGUE, CLOTH = range(6)
PARSE_HAIR, PARSE_BEARD, PARSE_GLASSES = 7, 8, 9
PARSE_HEADWEAR, PARSE_MASK, PARSE_LENS, PARSE_OCCLUDER = 10, 11, 12, 13

PI = 3.14159


@njit(fastmath=True, cache=True)
def vertex_normals(points, triangles):
    """Unit vertex normals `(n, 3)`, each the area-weighted mean of its triangles'."""
    normals = np.zeros_like(points)
    for i in range(triangles.shape[0]):
        a, b, c = triangles[i, 0], triangles[i, 1], triangles[i, 2]
        ux = points[b, 0] - points[a, 0]
        uy = points[b, 1] - points[a, 1]
        uz = points[b, 2] - points[a, 2]
        vx = points[c, 0] - points[a, 0]
        vy = points[c, 1] - points[a, 1]
        vz = points[c, 2] - points[a, 2]
        nx = uy * vz - uz * vy
        ny = uz * vx - ux * vz
        nz = ux * vy - uy * vx
        for k in (a, b, c):
            normals[k, 0] += nx
            normals[k, 1] += ny
            normals[k, 2] += nz
    for i in range(points.shape[0]):
        length = math.sqrt(normals[i, 0] ** 2 + normals[i, 1] ** 2 + normals[i, 2] ** 2) + 1e-12
        normals[i, 0] /= length
        normals[i, 1] /= length
        normals[i, 2] /= length
    return normals


@njit(fastmath=True, cache=True)
def pose_points(points, weight, neck_rotations, pivot, camera_rotation, base, out_points):
    """Bends the neck, then turns the whole body in front of the camera.

    Args:
        weight: float64 `(n,)` in [0, 1]: 1 follows the head, 0 the torso, between them the neck.
        neck_rotations: float64 `(m + 1, 3, 3)`, the neck's rotation at weight 0, 1/m, ..., 1.
        pivot: float64 `(3,)`, the point the neck bends about.
        camera_rotation: float64 `(3, 3)`, torso to camera.
        base: float64 `(3,)`, the point that lands on the camera's origin.
    """
    last = neck_rotations.shape[0] - 1
    bent = np.empty(3)
    for i in range(points.shape[0]):
        a = weight[i] * last
        k = min(max(int(a), 0), last - 1)
        f = a - k
        x = points[i, 0] - pivot[0]
        y = points[i, 1] - pivot[1]
        z = points[i, 2] - pivot[2]
        near, far = neck_rotations[k], neck_rotations[k + 1]
        for r in range(3):
            bent[r] = (
                (near[r, 0] * (1 - f) + far[r, 0] * f) * x
                + (near[r, 1] * (1 - f) + far[r, 1] * f) * y
                + (near[r, 2] * (1 - f) + far[r, 2] * f) * z
                + pivot[r]
                - base[r]
            )
        for c in range(3):
            out_points[i, c] = (
                camera_rotation[c, 0] * bent[0] + camera_rotation[c, 1] * bent[1] + camera_rotation[c, 2] * bent[2]
            )


@njit(fastmath=True, cache=True)
def project(points, focal, centre_x, centre_y, distance, out_screen):
    """Perspective projection: `focal` in pixels, the camera `distance` units in front of the origin."""
    for i in range(points.shape[0]):
        z = distance - points[i, 2]
        out_screen[i, 0] = centre_x + focal * points[i, 0] / z
        out_screen[i, 1] = centre_y - focal * points[i, 1] / z
        out_screen[i, 2] = z


@njit(fastmath=True, cache=True)
def project_to_light(points, centre, axis_x, axis_y, direction, scale, size, out_screen):
    """Orthographic projection onto a light's `size` x `size` map, `scale` pixels a unit."""
    for i in range(points.shape[0]):
        a = points[i, 0] - centre[0]
        b = points[i, 1] - centre[1]
        c = points[i, 2] - centre[2]
        out_screen[i, 0] = (a * axis_x[0] + b * axis_x[1] + c * axis_x[2]) * scale + size * 0.5
        out_screen[i, 1] = -(a * axis_y[0] + b * axis_y[1] + c * axis_y[2]) * scale + size * 0.5
        out_screen[i, 2] = -(a * direction[0] + b * direction[1] + c * direction[2])


@njit(fastmath=True, cache=True)
def raster_triangles(screen, triangles, materials, lash_cover, depth, out_triangle, out_barycentric, out_lashes):
    """Draws the mesh: per pixel the nearest front-facing triangle and its 2nd and 3rd barycentric coordinate.

    Lashes are sheets seen from both sides and through: they only leave their cover, `lash_cover` float64 `(n,)` in
    [0, 1], in `out_lashes` float64 `(height, width)`. Their triangles come last.
    """
    height, width = depth.shape
    for i in range(triangles.shape[0]):
        a, b, c = triangles[i, 0], triangles[i, 1], triangles[i, 2]
        x0 = screen[a, 0]
        y0 = screen[a, 1]
        x1 = screen[b, 0]
        y1 = screen[b, 1]
        x2 = screen[c, 0]
        y2 = screen[c, 1]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        material = materials[i]
        if material != LASHES and area >= 0:  # rows grow downwards: front faces are negative
            continue
        if abs(area) < 1e-9:
            continue
        left = max(0, int(math.ceil(min(x0, x1, x2) - 0.5)))
        right = min(width - 1, int(math.floor(max(x0, x1, x2) - 0.5)))
        top = max(0, int(math.ceil(min(y0, y1, y2) - 0.5)))
        bottom = min(height - 1, int(math.floor(max(y0, y1, y2) - 0.5)))
        if left > right or top > bottom:
            continue
        inv = 1.0 / area
        z0 = screen[a, 2]
        z1 = screen[b, 2]
        z2 = screen[c, 2]
        for y in range(top, bottom + 1):
            py = y + 0.5
            for x in range(left, right + 1):
                px = x + 0.5
                w1 = ((px - x0) * (y2 - y0) - (x2 - x0) * (py - y0)) * inv
                w2 = ((x1 - x0) * (py - y0) - (px - x0) * (y1 - y0)) * inv
                w0 = 1 - w1 - w2
                if w0 < -1e-6 or w1 < -1e-6 or w2 < -1e-6:
                    continue
                z = w0 * z0 + w1 * z1 + w2 * z2
                if z >= depth[y, x]:
                    continue
                if material == LASHES:
                    cover = w0 * lash_cover[a] + w1 * lash_cover[b] + w2 * lash_cover[c]
                    out_lashes[y, x] = max(out_lashes[y, x], cover)
                else:
                    depth[y, x] = z
                    out_triangle[y, x] = i
                    out_barycentric[y, x, 0] = w1
                    out_barycentric[y, x, 1] = w2


@njit(fastmath=True, cache=True)
def depth_of_triangles(screen, triangles, depth):
    """Shadow map of the mesh, both sides of a triangle drawn."""
    height, width = depth.shape
    for i in range(triangles.shape[0]):
        a, b, c = triangles[i, 0], triangles[i, 1], triangles[i, 2]
        x0 = screen[a, 0]
        y0 = screen[a, 1]
        x1 = screen[b, 0]
        y1 = screen[b, 1]
        x2 = screen[c, 0]
        y2 = screen[c, 1]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if abs(area) < 1e-9:
            continue
        left = max(0, int(math.ceil(min(x0, x1, x2) - 0.5)))
        right = min(width - 1, int(math.floor(max(x0, x1, x2) - 0.5)))
        top = max(0, int(math.ceil(min(y0, y1, y2) - 0.5)))
        bottom = min(height - 1, int(math.floor(max(y0, y1, y2) - 0.5)))
        inv = 1.0 / area
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                w1 = ((x + 0.5 - x0) * (y2 - y0) - (x2 - x0) * (y + 0.5 - y0)) * inv
                w2 = ((x1 - x0) * (y + 0.5 - y0) - (x + 0.5 - x0) * (y1 - y0)) * inv
                w0 = 1 - w1 - w2
                if w0 < 0 or w1 < 0 or w2 < 0:
                    continue
                z = w0 * screen[a, 2] + w1 * screen[b, 2] + w2 * screen[c, 2]
                if z < depth[y, x]:
                    depth[y, x] = z


@njit(fastmath=True, cache=True)
def depth_of_strands(screen, depth):
    """Shadow map of hair, one pixel wide."""
    height, width = depth.shape
    for i in range(screen.shape[0]):
        for k in range(screen.shape[1] - 1):
            x0 = screen[i, k, 0]
            y0 = screen[i, k, 1]
            z0 = screen[i, k, 2]
            x1 = screen[i, k + 1, 0]
            y1 = screen[i, k + 1, 1]
            z1 = screen[i, k + 1, 2]
            n = int(max(abs(x1 - x0), abs(y1 - y0))) + 1
            for j in range(n):
                t = j / n
                x = int(x0 + (x1 - x0) * t)
                y = int(y0 + (y1 - y0) * t)
                if 0 <= x < width and 0 <= y < height:
                    z = z0 + (z1 - z0) * t
                    if z < depth[y, x]:
                        depth[y, x] = z


@njit(fastmath=True, cache=True)
def raster_strands(screen, colours, widths, depth, out_parse, out_image, bias, tag):
    """Draws hairs (or glasses) as opaque, depth-tested lines.

    Args:
        colours: float64 `(n, k, 3)`.
        widths: float64 `(n, k)` in pixels; below one pixel a hair lets what is behind it shine through, and hides that
            share of its pixels from the hairs drawn later.
        out_parse: int32 `(height, width)`, set to `tag` where a line shows.
        out_image: float64 `(height, width, 3)`.
        bias: how much nearer than they are the lines count, in units.
    """
    height, width = depth.shape
    for i in range(screen.shape[0]):
        for k in range(screen.shape[1] - 1):
            x0 = screen[i, k, 0]
            y0 = screen[i, k, 1]
            z0 = screen[i, k, 2] - bias
            x1 = screen[i, k + 1, 0]
            y1 = screen[i, k + 1, 1]
            z1 = screen[i, k + 1, 2] - bias
            if (
                (x0 < -8 and x1 < -8)
                or (y0 < -8 and y1 < -8)
                or (x0 > width + 8 and x1 > width + 8)
                or (y0 > height + 8 and y1 > height + 8)
            ):
                continue
            dx = x1 - x0
            dy = y1 - y0
            horizontal = abs(dx) > abs(dy)
            n = int(max(abs(dx), abs(dy))) + 1
            for j in range(n):
                t = (j + 0.5) / n
                x = x0 + dx * t
                y = y0 + dy * t
                z = z0 + (z1 - z0) * t
                w = widths[i, k] + (widths[i, k + 1] - widths[i, k]) * t
                if horizontal:
                    a = int(math.floor(y - w * 0.5 + 0.5))
                    b = int(math.floor(y + w * 0.5 + 0.5))
                else:
                    a = int(math.floor(x - w * 0.5 + 0.5))
                    b = int(math.floor(x + w * 0.5 + 0.5))
                cover = 1.0
                if w < 1:
                    cover = w
                    if horizontal:
                        a = int(math.floor(y))
                    else:
                        a = int(math.floor(x))
                    b = a + 1
                opaque = ((i * 7919 + k * 104729 + j * 1299709) % 1000) < cover * 1000
                for q in range(a, b):
                    if horizontal:
                        xi = int(x)
                        yi = q
                    else:
                        xi = q
                        yi = int(y)
                    if xi < 0 or yi < 0 or xi >= width or yi >= height:
                        continue
                    if z >= depth[yi, xi]:
                        continue
                    share = cover
                    if opaque:
                        depth[yi, xi] = z
                    if out_parse[yi, xi] == 0:  # in front of the background, which is not drawn yet
                        if not opaque:
                            continue
                        share = 1.0
                    if opaque:
                        out_parse[yi, xi] = tag
                    for c in range(3):
                        colour = colours[i, k, c] + (colours[i, k + 1, c] - colours[i, k, c]) * t
                        out_image[yi, xi, c] += share * (colour - out_image[yi, xi, c])


@njit(fastmath=True, cache=True)
def visibility(points, direction, depth, axis_x, axis_y, centre, scale, column, softness, bias, out_visible):
    """How much light from `direction` reaches each point: 1 in the open, falling off behind an occluder.

    Written to `out_visible[:, column]`.
    """
    height, width = depth.shape
    for i in range(points.shape[0]):
        qx = points[i, 0] - centre[0]
        qy = points[i, 1] - centre[1]
        qz = points[i, 2] - centre[2]
        x = int((qx * axis_x[0] + qy * axis_x[1] + qz * axis_x[2]) * scale + width * 0.5)
        y = int(-(qx * axis_y[0] + qy * axis_y[1] + qz * axis_y[2]) * scale + height * 0.5)
        z = -(qx * direction[0] + qy * direction[1] + qz * direction[2])
        v = 1.0
        if 0 <= x < width and 0 <= y < height:
            e = z - depth[y, x] - bias
            if e > 0:
                v = math.exp(-softness * e)
        out_visible[i, column] = v


@njit(fastmath=True, cache=True)
def strand_transfer(
    points,
    tangents,
    outward,
    direction,
    depth,
    axis_x,
    axis_y,
    centre,
    scale,
    column,
    softness,
    bias,
    gain,
    out_transfer,
):
    """Share of the light from `direction` that a point of a hair sends on, written to `out_transfer[:, column]`.

    Visibility times the sine between hair and light (Kajiya-Kay), more where the hair faces outwards to the light.
    """
    height, width = depth.shape
    for i in range(points.shape[0]):
        qx = points[i, 0] - centre[0]
        qy = points[i, 1] - centre[1]
        qz = points[i, 2] - centre[2]
        x = int((qx * axis_x[0] + qy * axis_x[1] + qz * axis_x[2]) * scale + width * 0.5)
        y = int(-(qx * axis_y[0] + qy * axis_y[1] + qz * axis_y[2]) * scale + height * 0.5)
        z = -(qx * direction[0] + qy * direction[1] + qz * direction[2])
        v = 1.0
        if 0 <= x < width and 0 <= y < height:
            e = z - depth[y, x] - bias
            if e > 0:
                v = math.exp(-softness * e)
        cosine = tangents[i, 0] * direction[0] + tangents[i, 1] * direction[1] + tangents[i, 2] * direction[2]
        wrap = 0.45 + 0.75 * (
            outward[i, 0] * direction[0] + outward[i, 1] * direction[1] + outward[i, 2] * direction[2]
        )
        out_transfer[i, column] = v * math.sqrt(max(0.0, 1 - cosine * cosine)) * max(0.0, wrap) * gain


@njit(fastmath=True, cache=True)
def shadow(px, py, pz, depth, softness, bias):
    """Visibility of one point of a light's map, smoothed over 3 x 3 of its pixels."""
    height, width = depth.shape
    s = 0.0
    n = 0.0
    ix = int(px)
    iy = int(py)
    for dy in range(-1, 2):
        for dx in range(-1, 2):
            x = ix + dx
            y = iy + dy
            if 0 <= x < width and 0 <= y < height:
                w = (2 - abs(dx)) * (2 - abs(dy))
                e = pz - depth[y, x] - bias
                v = 1.0 if e <= 0 else math.exp(-softness * e)
                s += w * v
                n += w
    return s / n if n > 0 else 1.0


@njit(fastmath=True, cache=True)
def sample_texture(texture, u, v, out_texel):
    """Bilinear lookup at (u, v) in [0, 1]: wraps around in u, clamps in v."""
    height, width = texture.shape[0], texture.shape[1]
    x = u * width - 0.5
    y = v * height - 0.5
    x0 = int(math.floor(x))
    y0 = int(math.floor(y))
    fx = x - x0
    fy = y - y0
    y0 = min(max(y0, 0), height - 1)
    y1 = min(y0 + 1, height - 1)
    x0 = x0 % width
    x1 = (x0 + 1) % width
    for c in range(texture.shape[2]):
        out_texel[c] = (texture[y0, x0, c] * (1 - fx) + texture[y0, x1, c] * fx) * (1 - fy) + (
            texture[y1, x0, c] * (1 - fx) + texture[y1, x1, c] * fx
        ) * fy


@njit(fastmath=True, cache=True)
def shade(
    triangle,
    barycentric,
    triangles,
    materials,
    normals,
    canonical,
    irradiance,
    attributes,
    light_points,
    light_depth,
    texture,
    texture_low,
    texture_high,
    texture_axis_z,
    key_direction,
    key_colour,
    eye_centres,
    gaze,
    iris,
    lip_colour,
    wrap,
    cloth,
    environment,
    cos_elevation,
    sin_elevation,
    mean_radiance,
    out_image,
    out_parse,
):
    """Colours each pixel that `raster_triangles` found.

    Diffuse light = irradiance of the surroundings + the key light through its shadow map, wrapped around the
    terminator for skin; on top a GGX highlight of the key light and a reflection of the blurred surroundings.

    Args:
        normals, canonical, irradiance, light_points: float64 `(n, 3)` per vertex: posed normal, unposed average
            position (texture coordinate), light arriving, position in the key light's map.
        attributes: float64 `(n, 6)` per vertex in [0, 1]: lip, lid, ear, inside of the mouth, cloth, lashes (unused).
        texture: float64 `(h, w, 4)`, skin albedo and gloss, cylindrical around (0, texture_axis_z).
        eye_centres, gaze: float64 `(2, 3)`, left eye first.
        iris: float64 `(5,)`: colour, angular radius (radians), pupil radius as a share of it.
        wrap: float64 `(3,)`, how far the key light reaches round the skin, per channel.
        cloth: float64 `(11,)`, see `sequence.Clothes`.
        environment: float64 `(h, w, 3)`, the blurred panorama.
    """
    height, width = triangle.shape
    texel = np.zeros(texture.shape[2])
    reflected = np.zeros(3)
    for y in range(height):
        for x in range(width):
            i = triangle[y, x]
            if i < 0:
                continue
            a, b, c = triangles[i, 0], triangles[i, 1], triangles[i, 2]
            w1 = barycentric[y, x, 0]
            w2 = barycentric[y, x, 1]
            w0 = 1 - w1 - w2
            m = materials[i]
            nx = w0 * normals[a, 0] + w1 * normals[b, 0] + w2 * normals[c, 0]
            ny = w0 * normals[a, 1] + w1 * normals[b, 1] + w2 * normals[c, 1]
            nz = w0 * normals[a, 2] + w1 * normals[b, 2] + w2 * normals[c, 2]
            length = 1 / (math.sqrt(nx * nx + ny * ny + nz * nz) + 1e-9)
            nx *= length
            ny *= length
            nz *= length
            px = w0 * canonical[a, 0] + w1 * canonical[b, 0] + w2 * canonical[c, 0]
            py = w0 * canonical[a, 1] + w1 * canonical[b, 1] + w2 * canonical[c, 1]
            pz = w0 * canonical[a, 2] + w1 * canonical[b, 2] + w2 * canonical[c, 2]
            er = w0 * irradiance[a, 0] + w1 * irradiance[b, 0] + w2 * irradiance[c, 0]
            eg = w0 * irradiance[a, 1] + w1 * irradiance[b, 1] + w2 * irradiance[c, 1]
            eb = w0 * irradiance[a, 2] + w1 * irradiance[b, 2] + w2 * irradiance[c, 2]
            lip = w0 * attributes[a, 0] + w1 * attributes[b, 0] + w2 * attributes[c, 0]
            mouth = w0 * attributes[a, 3] + w1 * attributes[b, 3] + w2 * attributes[c, 3]
            clothed = w0 * attributes[a, 4] + w1 * attributes[b, 4] + w2 * attributes[c, 4]
            ear = w0 * attributes[a, 2] + w1 * attributes[b, 2] + w2 * attributes[c, 2]
            lx = w0 * light_points[a, 0] + w1 * light_points[b, 0] + w2 * light_points[c, 0]
            ly = w0 * light_points[a, 1] + w1 * light_points[b, 1] + w2 * light_points[c, 1]
            lz = w0 * light_points[a, 2] + w1 * light_points[b, 2] + w2 * light_points[c, 2]
            s = shadow(lx, ly, lz, light_depth, 14.0, 0.03)
            nl = nx * key_direction[0] + ny * key_direction[1] + nz * key_direction[2]
            gloss = 0.0
            catch_light = 0.0
            rough = 0.45
            wr = 0.0
            wg = 0.0
            wb = 0.0
            specular = 0.04
            ar = 0.0
            ag = 0.0
            ab = 0.0
            material = m
            if m == SKIN:
                if clothed > 0.5:
                    material = CLOTH
                else:
                    theta = math.atan2(px, pz - texture_axis_z)
                    sample_texture(
                        texture,
                        theta / (2 * math.pi) + 0.5,
                        (texture_high - py) / (texture_high - texture_low),
                        texel,
                    )
                    ar = texel[0]
                    ag = texel[1]
                    ab = texel[2]
                    gloss = texel[3]
                    if lip > 0.01:
                        q = min(1.0, lip) * 0.9
                        ar = ar * (1 - q) + lip_colour[0] * q
                        ag = ag * (1 - q) + lip_colour[1] * q
                        ab = ab * (1 - q) + lip_colour[2] * q
                        gloss = gloss * (1 - q) + q * 1.0
                    if ear > 0.01:  # thin and full of blood
                        q = min(1.0, ear) * 0.35
                        ar = ar * (1 + 0.10 * q)
                        ag *= 1 - 0.25 * q
                        ab *= 1 - 0.25 * q
                    if mouth > 0.01:
                        q = min(1.0, mouth)
                        ar = ar * (1 - q) + 0.10 * q
                        ag = ag * (1 - q) + 0.02 * q
                        ab = ab * (1 - q) + 0.02 * q
                        er *= 1 - 0.6 * q
                        eg *= 1 - 0.6 * q
                        eb *= 1 - 0.6 * q
                        s *= 1 - 0.8 * q
                    wr = wrap[0]
                    wg = wrap[1]
                    wb = wrap[2]
                    rough = 0.48 - 0.12 * gloss
                    specular = 0.028 * (0.6 + 0.8 * gloss)
            if material == CLOTH:
                kind = int(cloth[0])
                f = 0.0
                if kind == 1:  # horizontal stripes
                    f = 1.0 if (math.sin(py * cloth[8]) > cloth[9]) else 0.0
                elif kind == 2:  # vertical stripes
                    f = 1.0 if (math.sin(px * cloth[8]) > cloth[9]) else 0.0
                elif kind == 3:  # checks
                    f = 0.5 * (1.0 if math.sin(px * cloth[8]) > cloth[9] else 0.0) + 0.5 * (
                        1.0 if math.sin(py * cloth[8]) > cloth[9] else 0.0
                    )
                elif kind == 4:  # an open jacket
                    f = 1.0 if abs(px) < cloth[9] and pz > 0 else 0.0
                if clothed > 0.5 and clothed < 0.72:
                    f = cloth[7]
                ar = cloth[1] * (1 - f) + cloth[4] * f
                ag = cloth[2] * (1 - f) + cloth[5] * f
                ab = cloth[3] * (1 - f) + cloth[6] * f
                fold = (
                    1
                    + 0.10 * math.sin(px * 5 + 3 * math.sin(py * 3.1) + cloth[10])
                    + 0.06 * math.sin(px * 11 - py * 9 + cloth[10] * 2)
                )
                ar *= fold
                ag *= fold
                ab *= fold
                specular = 0.01
                rough = 0.7
                wr = wg = wb = 0.12
            elif m == EYE:
                q = 0 if px > 0 else 1
                dx = px - eye_centres[q, 0]
                dy = py - eye_centres[q, 1]
                dz = pz - eye_centres[q, 2]
                length = 1 / (math.sqrt(dx * dx + dy * dy + dz * dz) + 1e-9)
                dx *= length
                dy *= length
                dz *= length
                cosine = dx * gaze[q, 0] + dy * gaze[q, 1] + dz * gaze[q, 2]
                angle = math.acos(min(1.0, max(-1.0, cosine)))
                ar = 0.62
                ag = 0.58
                ab = 0.56
                v = min(1.0, max(0.0, (angle - 0.5) / 0.6))
                ar -= 0.06 * v
                ag -= 0.16 * v
                ab -= 0.16 * v
                if angle < iris[3]:
                    r = angle / iris[3]
                    if r < iris[4]:
                        ar = ag = ab = 0.008
                    else:
                        fibres = 0.8 + 0.35 * math.sin(math.atan2(dy, dx) * 23 + math.sin(r * 9) * 2)
                        rr = (1 - 0.75 * max(0.0, (r - 0.78) / 0.22)) * fibres * (1.25 - 0.35 * r)
                        ar = iris[0] * rr
                        ag = iris[1] * rr
                        ab = iris[2] * rr
                lid = min(1.0, max(0.25, 0.95 - 2.2 * max(0.0, dy)))  # shade of the upper lid and its lashes
                er *= lid
                eg *= lid
                eb *= lid
                s *= lid
                specular = 0.05
                rough = 0.12
                side = 0.13 if key_direction[0] > 0 else -0.13
                catch_light = 0.5 * mean_radiance * math.exp(-((nx - side) ** 2 + (ny - 0.16) ** 2) / 0.003)
            elif m == TEETH:
                gap = 1 - 0.45 * math.exp(-((math.sin(px * 41) / 0.22) ** 2))  # between a tooth and the next
                ar = 0.80 * gap
                ag = 0.75 * gap
                ab = 0.66 * gap
                specular = 0.03
                rough = 0.25
                s *= 0.75
            elif m == TONGUE:
                ar = 0.45
                ag = 0.14
                ab = 0.13
                specular = 0.01
                rough = 0.5
                s *= 0.4
            dr = max(0.0, (nl + wr) / (1 + wr))
            dg = max(0.0, (nl + wg) / (1 + wg))
            db = max(0.0, (nl + wb) / (1 + wb))
            sr = s ** (1 / (1 + 1.2 * wr)) if s > 0 else 0.0  # red light spreads into the shadow's edge
            red = ar * (er + key_colour[0] * dr * sr / PI)
            green = ag * (eg + key_colour[1] * dg * s / PI)
            blue = ab * (eb + key_colour[2] * db * s / PI)
            if specular > 0:
                # the view direction is +z (the camera is far away); h lies half way between it and the light
                hx = key_direction[0]
                hy = key_direction[1]
                hz = key_direction[2] + 1.0
                length = 1 / (math.sqrt(hx * hx + hy * hy + hz * hz) + 1e-9)
                nh = max(0.0, (nx * hx + ny * hy + nz * hz) * length)
                alpha = rough * rough
                alpha2 = alpha * alpha
                dn = nh * nh * (alpha2 - 1) + 1
                ggx = alpha2 / (PI * dn * dn)
                nv = max(0.05, nz)
                fresnel = specular + (1 - specular) * 0.09 * (1 - nv) ** 5
                highlight = min(4.0, ggx * fresnel * 0.25) * max(0.0, nl) * s
                red += key_colour[0] * highlight
                green += key_colour[1] * highlight
                blue += key_colour[2] * highlight
                rx = 2 * nz * nx
                ry = 2 * nz * ny
                rz = 2 * nz * nz - 1
                wy = ry * cos_elevation + rz * sin_elevation  # from the camera's axes to the world's
                wz = -ry * sin_elevation + rz * cos_elevation
                u = math.atan2(rx, wz) / (2 * math.pi) + 0.5
                vv = math.acos(min(1.0, max(-1.0, wy))) / math.pi
                sample_texture(environment, u, vv, reflected)
                open_sky = min(1.0, (er + eg + eb) / (mean_radiance + 1e-6))
                red += reflected[0] * fresnel * open_sky
                green += reflected[1] * fresnel * open_sky
                blue += reflected[2] * fresnel * open_sky
            out_image[y, x, 0] = red + catch_light
            out_image[y, x, 1] = green + catch_light
            out_image[y, x, 2] = blue + catch_light
            out_parse[y, x] = material + 1


@njit(fastmath=True, cache=True)
def shade_strands(
    strands,
    irradiance,
    brightness,
    hair_colour,
    key_direction,
    key_colour,
    head_centre,
    light_centre,
    axis_x,
    axis_y,
    light_scale,
    light_depth,
    softness,
    bias,
    out_colours,
):
    """Kajiya-Kay colours of hair: diffuse and two highlights of the key light, plus the surroundings' irradiance.

    Args:
        irradiance: float32 `(n, k, 3)`.
        brightness: float64 `(n,)`, a hair's own factor.
        out_colours: float64 `(n, k, 3)`.
    """
    count, knots = strands.shape[0], strands.shape[1]
    size = light_depth.shape[0]
    hx = key_direction[0]
    hy = key_direction[1]
    hz = key_direction[2] + 1.0
    length = 1 / math.sqrt(hx * hx + hy * hy + hz * hz + 1e-9)
    hx *= length
    hy *= length
    hz *= length
    brightest = max(hair_colour[0], max(hair_colour[1], hair_colour[2])) + 1e-6
    inverse_pi = 1 / PI
    for i in range(count):
        for k in range(knots):
            a = max(k - 1, 0)
            b = min(k + 1, knots - 1)
            tx = strands[i, b, 0] - strands[i, a, 0]
            ty = strands[i, b, 1] - strands[i, a, 1]
            tz = strands[i, b, 2] - strands[i, a, 2]
            length = 1 / math.sqrt(tx * tx + ty * ty + tz * tz + 1e-12)
            tx *= length
            ty *= length
            tz *= length
            x = strands[i, k, 0]
            y = strands[i, k, 1]
            z = strands[i, k, 2]
            qx = x - light_centre[0]
            qy = y - light_centre[1]
            qz = z - light_centre[2]
            px = int((qx * axis_x[0] + qy * axis_x[1] + qz * axis_x[2]) * light_scale + size * 0.5)
            py = int(-(qx * axis_y[0] + qy * axis_y[1] + qz * axis_y[2]) * light_scale + size * 0.5)
            pz = -(qx * key_direction[0] + qy * key_direction[1] + qz * key_direction[2])
            visible = 1.0
            if 0 <= px < size and 0 <= py < size:
                e = pz - light_depth[py, px] - bias
                if e > 0:
                    visible = math.exp(-softness * e)
            along = tx * key_direction[0] + ty * key_direction[1] + tz * key_direction[2]
            across = math.sqrt(max(0.0, 1 - along * along))
            th = tx * hx + ty * hy + tz * hz
            s2 = max(0.0, 1 - th * th)
            ox = x - head_centre[0]
            oy = y - head_centre[1]
            oz = z - head_centre[2]
            length = 1 / math.sqrt(ox * ox + oy * oy + oz * oz + 1e-9)
            facing = min(
                1.0,
                max(
                    0.0,
                    0.35 + 0.65 * (ox * key_direction[0] + oy * key_direction[1] + oz * key_direction[2]) * length,
                ),
            )
            s4 = s2 * s2
            s8 = s4 * s4
            s12 = s8 * s4
            s16 = s8 * s8
            s40 = s16 * s16 * s8
            highlight = (s40 * 0.045 + s12 * 0.05) * visible * facing
            for c in range(3):
                key = key_colour[c] * inverse_pi
                out_colours[i, k, c] = (
                    hair_colour[c]
                    * (irradiance[i, k, c] * 1.35 + 0.9 * key * across * visible * facing)
                    * brightness[i]
                    + key * highlight * (0.5 + 0.5 * hair_colour[c] / brightest)
                    + irradiance[i, k, c] * (0.010 + 0.03 * hair_colour[c])
                )


@njit(fastmath=True, cache=True)
def shade_sheets(
    triangle,
    barycentric,
    triangles,
    codes,
    normals,
    albedo,
    gloss,
    irradiance,
    light_points,
    light_depth,
    key_direction,
    key_colour,
    environment,
    out_image,
    out_parse,
):
    """Colours each pixel that `raster_triangles` found of what is worn on the head: rough cloth and dark lenses.

    Args:
        codes: int32 per triangle, written to `out_parse`.
        normals, albedo, irradiance, light_points: float64 `(n, 3)` per vertex; gloss: float64 `(n,)`.
        environment: float64 `(h, w, 3)`, the blurred panorama that a lens reflects.
    """
    height, width = triangle.shape
    reflected = np.zeros(3)
    normal = np.zeros(3)
    at_light = np.zeros(3)
    for y in range(height):
        for x in range(width):
            i = triangle[y, x]
            if i < 0:
                continue
            a, b, c = triangles[i, 0], triangles[i, 1], triangles[i, 2]
            w1 = barycentric[y, x, 0]
            w2 = barycentric[y, x, 1]
            w0 = 1 - w1 - w2
            for k in range(3):
                normal[k] = w0 * normals[a, k] + w1 * normals[b, k] + w2 * normals[c, k]
                at_light[k] = w0 * light_points[a, k] + w1 * light_points[b, k] + w2 * light_points[c, k]
            length = 1 / (math.sqrt(normal[0] ** 2 + normal[1] ** 2 + normal[2] ** 2) + 1e-9)
            for k in range(3):
                normal[k] *= length
            s = shadow(at_light[0], at_light[1], at_light[2], light_depth, 14.0, 0.03)
            nl = normal[0] * key_direction[0] + normal[1] * key_direction[1] + normal[2] * key_direction[2]
            diffuse = max(0.0, (nl + 0.12) / 1.12) * s / PI
            shine = gloss[a]
            fresnel = 0.05 + 0.5 * (1 - min(1.0, max(0.0, normal[2]))) ** 4
            if shine > 0:
                rx = 2 * normal[2] * normal[0]
                ry = 2 * normal[2] * normal[1]
                rz = 2 * normal[2] * normal[2] - 1
                u = math.atan2(rx, rz) / (2 * math.pi) + 0.5
                v = math.acos(min(1.0, max(-1.0, ry))) / math.pi
                sample_texture(environment, u, v, reflected)
            for k in range(3):
                arriving = w0 * irradiance[a, k] + w1 * irradiance[b, k] + w2 * irradiance[c, k]
                colour = w0 * albedo[a, k] + w1 * albedo[b, k] + w2 * albedo[c, k]
                value = colour * (arriving + key_colour[k] * diffuse)
                if shine > 0:  # a little of the eye shows through the lens
                    value += 0.06 * out_image[y, x, k] + reflected[k] * fresnel
                out_image[y, x, k] = value
            out_parse[y, x] = codes[i]
