"""Growing hair and beards: roots strewn over the scalp, each hair combed step by step and kept outside the skin."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from data_prep.synthetic import mesh, skin
from data_prep.synthetic.geometry import smoothstep, unit
from data_prep.synthetic.identity import Identity
from data_prep.synthetic.scalp import SKULL_CENTRE, Body, Scalp

ROOTS = {"short": 8500, "medium": 8500, "long": 9000, "horsetail": 8500}  # asked for; about a fifth more are tried
KNOTS = {"bald": 5, "short": 7, "medium": 13, "long": 18, "horsetail": 12}  # points along a hair
TAIL_HAIRS = 2200


@dataclass(frozen=True)
class Beard:
    """Hairs that follow the moving face.

    Attributes:
        triangles: int `(n, 3)`, the coarse triangle each hair is rooted in.
        barycentric: float64 `(n, 3)`, where in it.
        offsets: float64 `(n, k, 3)`, the hair's points from its root.
        strands: float64 `(n, k, 3)`, the hairs of the resting face.
        brightness: float64 `(n,)`.
    """

    triangles: np.ndarray
    barycentric: np.ndarray
    offsets: np.ndarray
    strands: np.ndarray
    brightness: np.ndarray


@dataclass(frozen=True)
class Hair:
    """Hairs of the scalp, and a beard.

    Attributes:
        strands: float64 `(n, k, 3)`; n = 0 for a bald head.
        brightness: float64 `(n,)`.
        head_weight: float64 `(n, k)`, 1 follows the head, 0 the torso.
        scalp_count: how many of the strands, from the start, lie on the head (the others are the tail of a horsetail).
        beard: `Beard` or None.
    """

    strands: np.ndarray
    brightness: np.ndarray
    head_weight: np.ndarray
    scalp_count: int
    beard: Beard | None


def grow(
    identity: Identity,
    head_mesh: mesh.Mesh,
    coarse: np.ndarray,
    points: np.ndarray,
    beard_mask: np.ndarray,
    rng: np.random.Generator,
) -> Hair:
    """The hair and beard of `identity`.

    Args:
        coarse: float64 `(N, 3)`, the person's control mesh.
        points: float64 `(n, 3)`, its subdivision.
        beard_mask: `skin.Skin.beard_mask`.
    """
    body = Body(head_mesh, points)
    scalp = Scalp(head_mesh, coarse, rng)
    layers, brightness = [], []
    if identity.hairstyle != "bald" or identity.horseshoe:
        roots = _hair_roots(identity, scalp, rng)
        strands, shades, knot = _comb(identity, roots, body, rng)
        layers.append(strands)
        brightness.append(shades)
        if identity.hairstyle == "horsetail":
            layers.append(_tail(identity, knot, body, rng))
            brightness.append(np.exp(0.2 * rng.normal(size=TAIL_HAIRS)))
    strands = np.concatenate(layers) if layers else np.zeros((0, 6, 3))
    return Hair(
        strands=strands,
        brightness=np.concatenate(brightness) if layers else np.zeros(0),
        head_weight=smoothstep(5.5, 6.75, strands[..., 1]),
        scalp_count=len(layers[0]) if layers else 0,
        beard=_beard(identity, scalp, beard_mask, rng),
    )


@dataclass
class _Roots:
    """n roots: position and normal on this head; angle, height and height above the hairline on the average head."""

    position: np.ndarray
    normal: np.ndarray
    angle: np.ndarray
    y: np.ndarray
    above_hairline: np.ndarray


def _hair_roots(identity, scalp, rng):
    angle = np.arctan2(scalp.middle[:, 0], scalp.middle[:, 2] - mesh.TEXTURE_AXIS_Z)
    hairline = skin.hairline_height(angle, identity.hairline)
    density = ((scalp.middle[:, 1] > hairline - 0.08) & (scalp.ear < 0.3)).astype(float)
    count = 2600 if identity.hairstyle == "bald" else ROOTS[identity.hairstyle]
    average, position, normal, _, _ = scalp.strew(int(count * 1.25), density)
    angle = np.arctan2(average[:, 0], average[:, 2] - mesh.TEXTURE_AXIS_Z)
    y = average[:, 1]
    above = y - skin.hairline_height(angle, identity.hairline)
    keep = above > rng.normal(0, 0.035, len(above))
    if identity.hairstyle == "bald":  # a horseshoe: only round the back and the sides
        keep &= (y < 7.75 - 0.35 * np.cos(angle) + rng.normal(0, 0.04, len(y))) & (np.abs(angle) > 0.9)
    return _Roots(position[keep], normal[keep], angle[keep], y[keep], above[keep])


def _lengths(identity, roots, top, front, afro, rng):
    """Length of each hair `(n,)`, and which hairs are bangs, bool `(n,)`."""
    style, n = identity.hairstyle, len(roots.y)
    if style == "bald":
        length = 0.04 + 0.06 * identity.hair_length + 0 * roots.y
    elif style == "short":
        sides = 0.05 + 0.16 * identity.hair_length
        crown = 0.10 + 0.35 * identity.hair_volume if afro else 0.16 + 0.42 * identity.hair_volume
        if identity.gender == "female":
            sides, crown = max(sides, 0.18), max(crown, 0.3)
        if afro:
            sides = 0.07 + 0.25 * identity.hair_volume * identity.hair_length
        length = sides + (crown - sides) * top
    elif style == "medium" and afro:
        length = np.full(n, 0.28 + 0.42 * identity.hair_length)
    elif style == "medium":
        length = np.full(n, 0.9 + 0.7 * identity.hair_length)
    elif style == "long":
        length = np.full(n, 2.0 + 1.3 * identity.hair_length)
    else:
        length = np.full(n, 0.5)
    length = length * rng.uniform(0.82, 1.08, n)
    if not identity.bangs:
        return length, np.zeros(n, bool)
    bangs = (front > 0.5) & (np.abs(roots.angle) < 0.85) & (roots.above_hairline < 0.42)
    if style != "short":
        length = np.where(bangs, np.clip((roots.position[:, 1] - 7.52) * 1.25, 0.25, 0.75), length)
    return length, bangs


def _comb(identity, roots, body, rng):
    """Grows each hair from its root in the direction of its comb.

    Returns:
        strands float64 `(n, k, 3)`, brightness `(n,)`, and the knot of a horsetail, `(3,)` (None for other styles).
    """
    style, variant = identity.hairstyle, identity.hair_variant
    n = len(roots.y)
    knots = KNOTS[style]
    lift = {"bald": 0.12, "short": 0.45, "medium": 0.35, "long": 0.3, "horsetail": 0.15}[style]
    afro = identity.curl >= 0.99 and style in ("short", "medium")
    top = smoothstep(7.55, 8.1, roots.y)
    front = smoothstep(1.3, 0.5, np.abs(roots.angle))
    jitter = rng.normal(0, 1, (n, 3))
    length, bangs = _lengths(identity, roots, top, front, afro, rng)
    parting = identity.parting * (1 if style == "short" else 0.9)
    side = np.sign(roots.position[:, 0] - parting + rng.normal(0, 0.03, n))
    side[side == 0] = 1

    lock, lock_jitter, lock_brightness = _locks(style, roots, rng)
    knot = np.array([0, 7.55 + 0.35 * (variant % 2), -0.78]) if style == "horsetail" else None
    volume = (0.03 + 0.07 * identity.hair_volume) * {"bald": 0.15, "short": 0.6}.get(style, 1)
    volume = volume * (0.4 + 0.6 * rng.random(n))
    combing = _Combing(identity, afro, top, side, bangs, knot, jitter, lock_jitter[lock])
    strands = np.zeros((n, knots, 3))
    tip = roots.position - roots.normal * 0.015
    strands[:, 0] = tip
    direction = None
    for k in range(1, knots):
        t = k / (knots - 1)
        outward = unit(tip - SKULL_CENTRE)
        comb = _comb_direction(combing, tip, outward, t)
        comb = unit(comb)
        direction = comb if direction is None else unit(direction * 0.45 + comb * 0.55)
        if k == 1:  # hair leaves the skin at an angle
            direction = unit(direction * (1 - lift) + roots.normal * lift)
        step = (length / (knots - 1))[:, None]
        if style == "horsetail":  # arrive at the knot with the last step
            step = np.minimum(np.linalg.norm(knot - tip, axis=1) / (knots - k), 0.35)[:, None]
        tip = tip + direction * step
        if identity.curl > 0 and style not in ("bald", "horsetail"):
            amplitude = 0.03 if afro else 0.02 + 0.05 * identity.curl
            phase = lock * 2.4 + jitter[:, 0] * 0.5 + t * length * (16 if identity.curl > 0.4 else 9)
            coil = np.stack([np.cos(phase), 0.5 * np.sin(phase * 1.3), np.sin(phase)], 1)
            tip = tip + amplitude * coil * min(1, t * 2) * (0.6 if afro else 1)
        gap = 0.02 if afro else 0.015 + volume * min(1, t * 3)
        tip = body.push_out(tip, gap, 0.0 if (afro or style in ("short", "bald")) else 0.6)
        strands[:, k] = tip

    if style in ("short", "medium", "long") and not afro:
        amount = np.where(bangs, 0.05, 0.25 if style == "long" else 0.3)  # bangs must not part over the forehead
        strands = _draw_together(strands, lock, len(lock_jitter), amount)
    return strands, np.exp(0.16 * lock_brightness[lock] + 0.14 * rng.normal(size=n)), knot


@dataclass
class _Combing:
    """What decides the direction of n hairs.

    Attributes:
        afro: bool, whether they stand off the head.
        top: float64 `(n,)`, 1 on the crown, 0 at the sides.
        side: `(n,)`, -1 or 1, of the parting.
        bangs: bool `(n,)`.
        knot: `(3,)`, of a horsetail.
        jitter, lock_jitter: `(n, 3)`, random, per hair and per lock.
    """

    identity: Identity
    afro: bool
    top: np.ndarray
    side: np.ndarray
    bangs: np.ndarray
    knot: np.ndarray | None
    jitter: np.ndarray
    lock_jitter: np.ndarray


def _locks(style, roots, rng):
    """Hairs that start together stay together: the lock of each hair `(n,)`, jitter `(m, 3)`, brightness `(m,)`."""
    lock_count = 220 if style == "long" else 160
    lock_roots = roots.position[rng.choice(len(roots.y), min(lock_count, len(roots.y)), replace=False)]
    lock = cKDTree(lock_roots).query(roots.position + rng.normal(0, 0.03, roots.position.shape))[1]
    return lock, rng.normal(0, 1, (len(lock_roots), 3)), rng.normal(0, 1, len(lock_roots))


def _comb_direction(combing, tip, outward, t):
    """Where hairs are combed to at their tips `(n, 3)`, at the share t of their length; `(n, 3)`, of any length."""
    style, parting = combing.identity.hairstyle, combing.identity.parting
    jitter, lock_jitter = combing.jitter, combing.lock_jitter
    if style == "bald":
        comb = _along_skull(np.tile([0, -1.0, -0.3], (len(tip), 1)), outward) + 0.05 * outward + 0.15 * jitter
    elif style == "horsetail":
        to_knot = unit(combing.knot - tip)
        comb = unit(_along_skull(to_knot, outward) + 0.15 * to_knot) + 0.03 * jitter
    elif style == "short" and combing.afro:
        comb = outward + 0.5 * jitter
    elif style == "short":
        flow = _short_flow(combing.identity.hair_variant, parting, combing.side)
        flow = flow * combing.top[:, None] + (1 - combing.top[:, None]) * np.array([0, -1.0, -0.25])
        rise = 0.55 if combing.identity.hair_variant in (2, 3) else 0.28
        comb = unit(_along_skull(flow, outward)) + outward * rise * (0.3 + 0.7 * combing.top[:, None])
        comb = comb + 0.10 * jitter + 0.22 * lock_jitter
    elif combing.afro:
        comb = outward * 0.9 + 0.45 * jitter + np.array([0, -0.25 * t, 0])
    else:
        flow, on_top = _long_flow(tip, combing.side, combing.bangs, parting)
        lying = _along_skull(flow, outward)
        comb = unit(lying * (on_top[:, None] * 0.8 + 0.2) + flow * (1 - on_top[:, None]) * 0.6)
        comb = comb + 0.035 * jitter + 0.07 * lock_jitter
        comb[:, 1] -= 0.55 * (1 - on_top)
    return comb


def _along_skull(v, outward):
    """The part of `v` `(n, 3)` at right angles to `outward`."""
    return v - (v * outward).sum(1, keepdims=True) * outward


def _short_flow(variant, parting, side):
    """Which way short hair on the crown is combed, `(n, 3)`."""
    flow = np.zeros((len(side), 3))
    if variant == 0:  # swept forwards
        flow += np.array([0, -0.1, 0.8])
        flow[:, 0] += 0.35 * np.sign(parting + 0.01)
    elif variant == 1:  # parted
        flow[:, 0] += side * 0.9
        flow += np.array([0, 0.1, 0.25])
    elif variant == 2:  # brushed up and back
        flow += np.array([0, 0.9, -0.5])
        flow[:, 0] += 0.1 * side
    else:  # a textured crop
        flow += np.array([0, 0.6, 0.3])
    return flow


def _long_flow(tip, side, bangs, parting):
    """Which way long hair runs at its tips: down from the parting, never over the face. `(n, 3)`, and on-top `(n,)`."""
    flow = np.zeros((len(tip), 3))
    angle = np.abs(np.arctan2(tip[:, 0], tip[:, 2] - mesh.TEXTURE_AXIS_Z))
    on_top = smoothstep(7.55, 8.05, tip[:, 1])
    flow[:, 0] = side * (1.0 * on_top + 0.22 * smoothstep(7.0, 7.6, tip[:, 1]))
    flow[:, 1] = -0.45 - 0.75 * (1 - on_top)
    flow[:, 2] = -0.35 * smoothstep(1.5, 0.8, angle) - 0.1
    over_face = smoothstep(1.15, 0.8, angle) * (tip[:, 1] < 7.95) * (~bangs)
    flow[:, 0] += over_face * np.sign(tip[:, 0]) * 1.2
    flow[:, 2] -= over_face * 0.9
    flow[bangs] = np.array([0, -1.0, 0.25])
    flow[bangs, 0] = 0.08 * np.sign(parting + 0.01) + 0.35 * tip[bangs, 0]  # fanned out, to leave no bare strip
    return flow, on_top


def _draw_together(strands, lock, lock_count, amount):
    """Pulls the tips of each lock's hairs towards their mean by `amount` `(n,)`."""
    mean = np.zeros((lock_count, *strands.shape[1:]))
    np.add.at(mean, lock, strands)
    mean /= np.maximum(np.bincount(lock, minlength=lock_count)[:, None, None], 1)
    t = np.linspace(0, 1, strands.shape[1])[None, :, None]
    return strands + (mean[lock] - strands) * t * amount[:, None, None]


def _tail(identity, knot, body, rng):
    """The tail of a horsetail behind its knot, or, with much hair, a bun: float64 `(TAIL_HAIRS, k, 3)`."""
    knots = KNOTS["horsetail"]
    length = 0.9 + 1.6 * identity.hair_length
    tip = knot + rng.normal(0, 0.07, (TAIL_HAIRS, 3))
    direction = unit(np.array([0, 0.15, -1.0]) + 0.25 * rng.normal(size=(TAIL_HAIRS, 3)))
    if identity.hair_volume > 0.72:
        u = unit(rng.normal(size=(TAIL_HAIRS, 3)))
        v = unit(np.cross(u, rng.normal(size=(TAIL_HAIRS, 3))))
        t = np.linspace(0, 2.2, knots)[None, :, None]
        arcs = u[:, None] * np.cos(t) + v[:, None] * np.sin(t)
        return knot + np.array([0, 0.02, -0.2]) + 0.27 * arcs * rng.uniform(0.75, 1, (TAIL_HAIRS, 1, 1))
    strands = np.zeros((TAIL_HAIRS, knots, 3))
    strands[:, 0] = tip
    for k in range(1, knots):
        sway = 0.06 * rng.normal(size=(TAIL_HAIRS, 3))
        direction = unit(direction * 0.75 + np.array([0, -0.42, 0.04]) + sway)
        tip = body.push_out(tip + direction * length / (knots - 1), 0.05)
        strands[:, k] = tip
    return strands


def _beard(identity, scalp, beard_mask, rng):
    if identity.beard not in ("moustache", "goatee", "full"):  # stubble is painted
        return None
    middle, attributes = scalp.middle, scalp.mesh.coarse_attributes[scalp.triangles]
    face = (
        (middle[:, 2] > 0.2)
        & (middle[:, 1] < 7.3)
        & (middle[:, 1] > 5.9)
        & (scalp.ear < 0.2)
        & (attributes[:, :, 3].max(1) < 0.2)
        & (attributes[:, :, 0].max(1) < 0.3)
    )
    average, position, normal, triangle, barycentric = scalp.strew(11000, face.astype(float))
    angle = np.arctan2(average[:, 0], average[:, 2] - mesh.TEXTURE_AXIS_Z)
    column = ((angle / (2 * np.pi) + 0.5) * mesh.TEXTURE_WIDTH).astype(int) % mesh.TEXTURE_WIDTH
    height = (mesh.TEXTURE_HIGH - average[:, 1]) / (mesh.TEXTURE_HIGH - mesh.TEXTURE_LOW)
    row = np.clip((height * mesh.TEXTURE_HEIGHT).astype(int), 0, mesh.TEXTURE_HEIGHT - 1)
    keep = beard_mask[row, column] > rng.uniform(0.25, 0.9, len(column))
    average, position, normal, triangle, barycentric = (
        a[keep] for a in (average, position, normal, triangle, barycentric)
    )
    y, n, knots = average[:, 1], len(position), 4
    below_lip = identity.beard_length * (0.55 + 0.45 * smoothstep(6.6, 6.2, y))
    length = np.where(y > 6.66, 0.075, below_lip) * rng.uniform(0.6, 1.1, n)
    outward = np.where(y > 6.66, 0.3, 0.6)[:, None]  # a moustache lies flat
    direction = unit(np.array([0, -1.0, 0.12]) + normal * outward + 0.25 * rng.normal(size=position.shape))
    offsets = []
    for k in range(knots):
        t = k / (knots - 1)
        straight = direction * (length * k / (knots - 1))[:, None]
        sag = np.array([0, -1, 0]) * (0.35 * length * t**2)[:, None]
        offsets.append(straight - normal * 0.005 + sag)
    offsets = np.stack(offsets, 1)
    return Beard(
        triangles=scalp.triangles[triangle],
        barycentric=barycentric,
        offsets=offsets,
        strands=position[:, None] + offsets,
        brightness=np.exp(0.2 * rng.normal(size=n)),
    )
