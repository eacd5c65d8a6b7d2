"""A poor camera: few pixels, blur, noise, sharpening and JPEG, as in surveillance video."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from data_prep.synthetic.domain import Domain


@dataclass(frozen=True)
class Camera:
    """One sequence's camera.

    Attributes:
        seed: int, of its noise.
        native_size: int, side of the head's box on the sensor, in pixels.
        jpeg_quality: int, 0 to 100.
        noise: standard deviation of the sensor's noise, in [0, 1] sRGB.
        blur: extra lens blur, in native pixels.
        sharpening: strength of the unsharp mask.
        motion_length, motion_angle: of the motion blur, in native pixels and degrees.
        exposure: factor on the light.
        gamma, saturation, haze: of the picture; 1, 1, 0 change nothing.
        cast: `(3,)`, error of the white balance.
    """

    seed: int
    native_size: int
    jpeg_quality: int
    noise: float
    blur: float
    sharpening: float
    motion_length: float
    motion_angle: float
    exposure: float
    gamma: float
    saturation: float
    haze: float
    cast: np.ndarray


def sample(rng: np.random.Generator, domain: Domain) -> Camera:
    """A random `Camera` of a `domain.Domain`; one quality rules its resolution, noise, blur and compression."""
    quality = float(rng.beta(1.8, 1.2))

    def between(poorest_and_best, deviation):
        """What this quality comes to, give or take a share of the range."""
        return float(np.interp(quality + rng.normal(0, deviation), (0, 1), poorest_and_best))

    return Camera(
        seed=int(rng.integers(1 << 32)),
        native_size=round(between(domain.native_size, 0)),
        jpeg_quality=round(between(domain.jpeg_quality, 0.2)),
        noise=between(domain.noise, 0.2),
        blur=between(domain.blur, 0.2),
        sharpening=float(rng.uniform(0, 0.9)),
        motion_length=between(domain.motion, 0.4),
        motion_angle=float(rng.uniform(0, 180)),
        exposure=float(np.exp(rng.normal(0, 0.16))),
        gamma=float(rng.normal(1, 0.05)),
        saturation=float(np.clip(rng.normal(0.92, 0.13), 0.5, 1.25)),
        cast=np.exp(rng.normal(0, 0.03, 3)),
        haze=float(max(0, rng.normal(0, 0.03))),
    )


def apply(camera: Camera, picture: np.ndarray, index: int, size: int) -> np.ndarray:
    """What `camera` makes of a picture.

    Args:
        picture: float `(R, R, 3)` sRGB in [0, 1], R larger than the camera's native size.
        index: int, the frame's number in its sequence; gives each frame its own noise.
        size: int, side of the result.

    Returns:
        uint8 `(size, size, 3)`.
    """
    rng = np.random.default_rng([camera.seed, index])
    n = camera.native_size
    x = picture.astype(np.float32)
    scale = x.shape[0] / n
    x = cv2.GaussianBlur(x, (0, 0), max(0.3, 0.42 * scale * (0.7 + camera.blur)))
    if camera.motion_length > 0.4:
        x = cv2.filter2D(x, -1, _motion_kernel(camera.motion_length * scale, math.radians(camera.motion_angle)))
    x = cv2.resize(x, (n, n), interpolation=cv2.INTER_AREA)
    grey = x @ np.array([0.299, 0.587, 0.114], np.float32)
    x = grey[..., None] + (x - grey[..., None]) * camera.saturation
    x = np.clip(x, 0, 1) ** camera.gamma * (1 - camera.haze) + camera.haze * 0.7
    if camera.sharpening > 0.1:
        x = x + 0.8 * camera.sharpening * (x - cv2.GaussianBlur(x.astype(np.float32), (0, 0), 1.0))
    noise = rng.normal(size=(n, n, 1)) * 1.0 + 0.5 * rng.normal(size=(n, n, 3))  # mostly in the luminance
    x = x + noise * camera.noise * (0.5 + 0.8 * np.sqrt(np.clip(grey, 0, 1))[..., None])
    pixels = np.round(np.clip(x, 0, 1) * 255).astype(np.uint8)
    jpeg = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, camera.jpeg_quality])[1]
    pixels = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)[..., ::-1]
    return cv2.resize(pixels, (size, size), interpolation=cv2.INTER_CUBIC if size > n else cv2.INTER_AREA)


def _motion_kernel(length, angle):
    size = max(3, int(length) | 1)
    kernel = np.zeros((size, size), np.float32)
    c = size // 2
    start = int(c - c * math.cos(angle)), int(c - c * math.sin(angle))
    end = int(c + c * math.cos(angle)), int(c + c * math.sin(angle))
    cv2.line(kernel, start, end, 1.0)
    return kernel / kernel.sum()
