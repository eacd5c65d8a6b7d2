"""Small copies of the five real sets: their trees and names, with people put together from the rendered sample."""

import csv
import dataclasses
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from uunet import config, data
from uunet import labels as vocabulary
from uunet.boxes.types import Roi

SAMPLE = Path(__file__).parents[2] / "data_prep" / "sample" / "cctv"
WIDTH, HEIGHT, HEAD, TOP = 128, 256, 60, 8  # of a person's box, as in MARS; of the head in it
BODY = (90, 80, 75)
PEOPLE = 8  # identities in the sample
NAMES = [f"Person_{letter}" for letter in "ABCDEFGH"]


def sample_head(person, sequence, frame):
    """A head of the sample: uint8 `(64, 64, 3)`, RGB."""
    return cv2.imread(str(SAMPLE / f"crops/{800000 + person}/{sequence}_{frame:02d}.png"))[..., ::-1]


def person_box(person, sequence, frame):
    """Somebody in a plain colour: uint8 `(HEIGHT, WIDTH, 3)`, RGB; the head is at the top, in the middle."""
    box = np.full((HEIGHT, WIDTH, 3), BODY, np.uint8)
    left = (WIDTH - HEAD) // 2
    box[TOP : TOP + HEAD, left : left + HEAD] = cv2.resize(sample_head(person, sequence, frame), (HEAD, HEAD))
    return box


def fake_detector(frame):
    """Finds one face at the top middle of any picture that is not of one colour, and nothing in others."""
    if frame.std(axis=(0, 1)).max() < 8:
        return []
    x = frame.shape[1] // 2 - 16
    return [Roi(x, TOP + 12, 32, 36)]


def save(path, picture):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.ascontiguousarray(picture[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 95])


def mars(folder, frames=3):
    """bbox_train with identities 1, 3, 5, 7; bbox_test with 2, 4, 6, 8, junk and distractors; 2 tracklets each."""
    for person in range(PEOPLE):
        identity = f"{person + 1:04d}"
        half = folder / ("bbox_test" if person % 2 else "bbox_train")
        for sequence in range(2):
            for frame in range(frames):
                name = f"{identity}C{sequence + 1}T{sequence + 1:04d}F{frame + 1:03d}.jpg"
                save(half / identity / name, person_box(person, sequence, frame))
    for nobody in ("00-1", "0000"):
        save(folder / "bbox_test" / nobody / f"{nobody}C1T0001F001.jpg", person_box(0, 0, 0))
    return folder


LABELS = ("male,white,short", "Female,white,", "male,black,bald", "female,asian,long")


def labels(path, subjects):
    """A table of soft labels for these subjects."""
    rows = ["subject,gender,ethnicity,hairstyle"]
    rows += [f"{subject},{LABELS[k % 4]}" for k, subject in enumerate(subjects)]
    path.write_text("\n".join(rows) + "\n")
    return path


def annotation_row(frame, identity, place, gender=0, ethnicity=0, hairstyle=1):
    """One row of P-DESTRE: 26 numbers."""
    tail = [gender, 3, 2, 1, ethnicity, 0, hairstyle, 1, 1, 2, 4, 0, 0, 0, 6, 0]
    return ",".join(str(value) for value in (frame, identity, *place, 1, -1, -1, -1, *tail))


def video(path, pictures):
    """Writes uint8 RGB pictures as H.264, nearly without loss."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(30), options={"crf": "5", "preset": "ultrafast"})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def p_destre_videos(folder, tall_first=False, frames=3):
    """Two sessions on two days; all 8 identities and somebody unknown walk side by side in each."""
    for sequence, session in enumerate(("12-11-2019-1-1", "13-11-2019-2-1")):
        pictures = []
        rows = []
        for frame in range(frames):
            people = [person_box(person, sequence, frame) for person in range(PEOPLE)]
            pictures.append(np.concatenate([*people, person_box(0, 0, 0)], axis=1))
            for k in range(PEOPLE + 1):
                size = (HEIGHT, WIDTH) if tall_first else (WIDTH, HEIGHT)
                identity = 11 + k if k < PEOPLE else -1
                rows.append(annotation_row(frame + 1, identity, (k * WIDTH, 0, *size), k % 2, k % 5, k % 6))
        video(folder / "videos" / f"{session}.MP4", pictures)
        (folder / "annotation").mkdir(exist_ok=True)
        (folder / "annotation" / f"{session}.txt").write_text("\n".join(rows) + "\n")
        (folder / "annotation" / f"._{session}.txt").write_bytes(b"\x00\x05\x16\x07")  # macOS leaves these
    return folder


def p_destre_crops(folder, frames=3):
    """Heads named as the released crops: session_frame_ID_gender_ethnicity_haircolour_hairstyle_beard_moustache_k."""
    for person in range(PEOPLE):
        for sequence, session in enumerate(("12-11-2019-1-1", "13-11-2019-2-1")):
            for frame in range(frames):
                name = f"{session}_{frame + 1:04d}_{11 + person}_{person % 2}_{person % 5}_0_{person % 6}_1_1_0.jpg"
                save(folder / name, sample_head(person, sequence, frame))
    save(folder / "12-11-2019-1-1_0001_-1_2_4_6_5_2_2_1.jpg", sample_head(0, 0, 0))
    return folder


def youtube_faces(folder, frames=3):
    """frame_images_DB: frames of 320 x 240, the face in the left half; the label files hold centres."""
    root = folder / "frame_images_DB"
    for person, name in enumerate(NAMES):
        lines = []
        for sequence in range(2):
            for frame in range(frames):
                picture = np.full((240, 320, 3), BODY, np.uint8)
                picture[60:160, 30:130] = cv2.resize(sample_head(person, sequence, frame), (100, 100))
                file = f"{sequence}.{100 + frame}.jpg"
                save(root / name / str(sequence) / file, picture)
                lines.append(f"{name}\\{sequence}\\{file},0,80,112,56,56,0.0,1")
        (root / f"{name}.labeled_faces.txt").write_text("\n".join(lines) + "\n")
    return folder


def youtube_faces_aligned(folder, frames=3):
    """aligned_images_DB: the face in the middle of a square."""
    for person, name in enumerate(NAMES):
        for sequence in range(2):
            for frame in range(frames):
                picture = cv2.resize(sample_head(person, sequence, frame), (160, 160))
                save(folder / f"aligned_images_DB/{name}/{sequence}/aligned_detect_{sequence}.{frame}.jpg", picture)
    return folder


def biodi(folder, frames=4):
    """16 sequences of whole camera frames, each with one person at the right."""
    folder.mkdir(parents=True)
    with open(folder / "boxes.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow("picture,sequence,frame,x,y,w,h,gender,ethnicity,hairstyle".split(","))
        for person in range(PEOPLE):
            for sequence in range(2):
                for frame in range(frames):
                    picture = np.full((300, 400, 3), BODY, np.uint8)
                    picture[20 : 20 + HEIGHT, 200 : 200 + WIDTH] = person_box(person, sequence, frame)
                    name = f"cam{person:03d}/{sequence}_{frame:06d}.jpg"
                    save(folder / name, picture)
                    gender, hair = ("male", "female")[person % 2], ("short", "")[sequence]
                    track = f"cam{person:03d}-{sequence}"
                    table.writerow([name, track, frame, 200, 20, WIDTH, HEIGHT, gender, "black", hair])
    return folder


LFW_SIDE = 150


def lfw_photograph(person, number):
    """Somebody in front of a plain wall: uint8 `(LFW_SIDE, LFW_SIDE, 3)`, RGB; the head is in the middle."""
    picture = np.full((LFW_SIDE, LFW_SIDE, 3), BODY, np.uint8)
    picture[18:128, 20:130] = cv2.resize(sample_head(person, number % 2, number // 2), (110, 110))
    return picture


def lfw_list(path, people):
    path.write_text("\n".join([str(len(people)), *(f"{name}\t{count}" for name, count in people.items())]) + "\n")


def lfw(folder):
    """tree/NAME/NAME_0001.jpg, lists and genders: Person_A has 1 photograph, _B 2, _C 3, _D 1..., _A to _E train."""
    counts = {name: 1 + k % 3 for k, name in enumerate(NAMES)}
    for person, (name, count) in enumerate(counts.items()):
        for number in range(count):
            save(folder / f"tree/{name}/{name}_{number + 1:04d}.jpg", lfw_photograph(person, number))
    lfw_list(folder / "peopleDevTrain.txt", {name: counts[name] for name in NAMES[:5]})
    lfw_list(folder / "peopleDevTest.txt", {name: counts[name] for name in NAMES[5:]})
    genders = [f"{name},{('male', 'female')[k % 2]}" for k, name in enumerate(NAMES)]
    (folder / "gender.csv").write_text("\n".join(["name,gender", *genders]) + "\n")
    return folder


def manifest(folder):
    """Rows of a prepared set's manifest: list of dict."""
    with open(folder / "manifest.csv", newline="") as file:
        return list(csv.DictReader(file))


def skipped(folder):
    """{origin: reason} of a prepared set."""
    with open(folder / "skipped.csv", newline="") as file:
        return {row["origin"]: row["reason"] for row in csv.DictReader(file)}


def check_it_trains(folder, subjects):
    """A batch of each learning from a prepared set in which some labels are unknown."""
    labelled = data.load(folder, "train", labels=vocabulary.LABELS)
    assert (labelled.labels == -1).any()
    pairs = data.pair_batch(labelled, dataclasses.replace(config.PAPER.classifier, batch_pairs=8), 0)
    assert pairs["x"].shape == (8, 64, 64, 3) and set(pairs["b"][:, 0]) == {0.0, 1.0}
    assert pairs["known"][:, 0].all()
    adversarial = dataclasses.replace(config.PAPER.adversarial, subjects=subjects, sequences=2, frames=2)
    batch = data.sequence_batch(data.load(folder, "train"), adversarial, 0)
    assert batch["x"].shape == (4 * subjects, 64, 64, 3)
