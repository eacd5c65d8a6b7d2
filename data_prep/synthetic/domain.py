"""Four kinds of footage, after the paper's four data sets, and the seeds set aside for each.

A domain says where cameras hang, how well they see and how people behave in front of them; it changes neither the
people nor the renderer. They are likenesses of the data sets' conditions, not of their contents.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Domain:
    """One kind of footage. A pair is (low, high); a pair of the camera is (poorest, best), in native pixels.

    Attributes:
        name: as the command line and the manifest have it.
        crop_size: pixels, side of the finished crops.
        render_size: pixels, side of the rendering that crops are reduced from; more than `native_size`.
        elevation: degrees the camera looks down.
        distance: camera to head, in units (decimetres): perspective, nothing else.
        frontal: share of the sequences that look roughly at the camera, with a yaw of N(0, `frontal_yaw`).
        frontal_yaw: degrees.
        widest_yaw: degrees; the other sequences' mean yaw is uniform in +-`widest_yaw`.
        places: kinds of places, of "indoor" and "outdoor".
        native_size: pixels across the head's box on the sensor.
        jpeg_quality: of the stored footage, 0 to 100.
        noise: standard deviation of the sensor's noise, in [0, 1] sRGB.
        blur: extra lens blur, native pixels.
        motion: longest motion blur, native pixels.
        box_jitter: standard deviation of the box's centre from frame to frame, as a share of its side.
        accessory_rate: how often hats, masks and other things hide the head, in [0, 1].
    """

    name: str
    crop_size: int
    render_size: int
    elevation: tuple
    distance: tuple
    frontal: float
    frontal_yaw: float
    widest_yaw: float
    places: tuple
    native_size: tuple
    jpeg_quality: tuple
    noise: tuple
    blur: tuple
    motion: tuple
    box_jitter: float
    accessory_rate: float


# like MARS: street cameras from eye level to lamp-post height
CCTV = Domain(
    name="cctv",
    crop_size=64,
    render_size=256,
    elevation=(0, 20),
    distance=(25, 80),
    frontal=0.6,
    frontal_yaw=16,
    widest_yaw=75,
    places=("outdoor",),
    native_size=(24, 64),
    jpeg_quality=(55, 92),
    noise=(0.022, 0.004),
    blur=(0.4, 0.0),
    motion=(1.2, 0.0),
    box_jitter=0.018,
    accessory_rate=0.6,
)
# like P-DESTRE: a drone's steep view, few pixels, strong compression
UAV = Domain(
    name="uav",
    crop_size=64,
    render_size=256,
    elevation=(12, 38),
    distance=(50, 140),
    frontal=0.5,
    frontal_yaw=20,
    widest_yaw=90,
    places=("outdoor",),
    native_size=(24, 60),
    jpeg_quality=(30, 75),
    noise=(0.02, 0.004),
    blur=(0.3, 0.0),
    motion=(1.0, 0.2),
    box_jitter=0.025,
    accessory_rate=0.6,
)
# like BIODI: fixed cameras indoors and outdoors, nearer and better
INDOOR = Domain(
    name="indoor",
    crop_size=64,
    render_size=256,
    elevation=(0, 30),
    distance=(16, 50),
    frontal=0.65,
    frontal_yaw=16,
    widest_yaw=65,
    places=("indoor", "outdoor"),
    native_size=(32, 96),
    jpeg_quality=(60, 95),
    noise=(0.025, 0.003),
    blur=(0.5, 0.0),
    motion=(1.2, 0.0),
    box_jitter=0.018,
    accessory_rate=0.6,
)
# like YouTube Faces: people who face a hand-held or studio camera
HD = Domain(
    name="hd",
    crop_size=256,
    render_size=512,
    elevation=(0, 6),
    distance=(14, 30),
    frontal=0.85,
    frontal_yaw=10,
    widest_yaw=40,
    places=("indoor", "outdoor"),
    native_size=(256, 400),
    jpeg_quality=(85, 96),
    noise=(0.012, 0.002),
    blur=(0.6, 0.0),
    motion=(1.5, 0.0),
    box_jitter=0.010,
    accessory_rate=0.4,
)
DOMAINS = {domain.name: domain for domain in (CCTV, UAV, INDOOR, HD)}

# a person's number is their seed; nobody is in two of these ranges
SEEDS = {
    "cctv": range(10_000, 20_000),
    "uav": range(20_000, 30_000),
    "indoor": range(30_000, 40_000),
    "hd": range(40_000, 50_000),
    "virtual": range(100_000, 200_000),  # `twin.pool`
    "lineup": range(200_000, 300_000),  # `lineup`: fillers, whom no training for a data set sees
    "cctv sample": range(800_000, 801_000),
    "uav sample": range(801_000, 802_000),
    "indoor sample": range(802_000, 803_000),
    "hd sample": range(803_000, 804_000),
    "head scenes": range(300_000, 400_000),  # `data_prep.head_scenes`
    "scene": range(900_000, 1_000_000),  # `scene`: clips
}
