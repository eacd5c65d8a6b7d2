"""The UU-Net in one file: the paper's networks, Eqs. 1 to 14 and both learning phases, from top to bottom.

    python examples/uunet_from_scratch.py    # trains on data_prep/sample/cctv and writes sheet.png
    python examples/uunet_from_scratch.py --classifier-steps 50 --steps 50    # a first look

Paper: H. Proenca, "The UU-Net: Reversible Face De-Identification for Visual Surveillance Video Footage". Read it beside
this file: names and section numbers are the paper's, and each equation stands above the line that computes it. Where
the paper prints a slip, the line follows REPRODUCTION.md and names its row. The library `uunet` has the same losses
(tests/test_from_scratch.py compares them) and what this file leaves out: the channel between U_e and U_d, the hidden
boxes, video, resuming, judges, and JAX.

The sample data show 8 rendered people, 4 of them for training. That is enough to see every part work. It is not enough
to hide anybody: the networks overfit to 4 people, and only D_a, which U_e can deceive, measures whether a face changed.
"""

import argparse
import csv
from pathlib import Path

import cv2
import keras
import numpy as np
import tensorflow as tf  # gradients only; all other mathematics is keras.ops
from keras import layers, ops

# The paper's values
LABELS = ("ID", "gender", "ethnicity", "hairstyle")  # section III-A: t = 4
S = (-1, 1, 1, 1)  # section IV-E, "All Equal": another ID, the same soft labels; (-1, -1, -1, -1) is "All Different"
SIZE = 64  # pixels, side of a head; section IV-A
OMEGA = {"mse": 50.0, "adv": 1.0, "ano": 1.0, "con": 1.0, "div": 1.0, "dis": 1.0}  # section IV-A
DELTA_GP = 0.01  # section IV-A

# Values that the paper does not give
BINS = 32  # of the histograms of Eq. 12
PENALTY_WEIGHT = 10.0  # of the gradient limit of Eq. 6, as in WGAN-GP [21]
CLASSIFIER_RATE, CRITIC_RATE, GENERATOR_RATE = 5e-4, 4e-4, 2e-4  # learning rates of Adam
CRITIC_STEPS = 5  # steps of D_f per step of U_e and U_d, as in [21]
SUBJECTS, SEQUENCES, FRAMES = 2, 2, 2  # I x J x K heads per batch; Eq. 11 needs J >= 2, Eq. 10 needs K >= 2
PAIRS = 32  # per batch of learning I, half of them of one person
EPSILON = 1e-7  # keeps logarithms, roots and quotients finite

# Values for two CPU cores
WIDTH = 8  # kernels of the first layer of U_e, U_d and D_f; 64 in [44] and [25]
CLASSIFIER_STEPS = 500  # learning I
STEPS = 1000  # learning II; the published code: 120,000
PRINT_EVERY = 50  # steps; the sheet is written as often
SEED = 0


# ---- Data: x[i, j, k] is x_{i,j,k} of section III-A, frame k of sequence j of subject i ----


def load(folder, split, size):
    """Heads of one split, float32 (I, J, K, H, W, 3) in [0, 1], and their subjects' labels l, (I, t)."""
    with open(folder / "manifest.csv", newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == split]
    heads, labels = {}, {}
    for row in rows:
        image = cv2.imread(str(folder / row["file"]))[..., ::-1] / np.float32(255)  # BGR, 8 bit -> RGB in [0, 1]
        image = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)  # (H, W, 3)
        heads.setdefault(row["subject"], {}).setdefault(row["sequence"], []).append(image)
        labels[row["subject"]] = [row["subject"], *(row[label] for label in LABELS[1:])]
    J = min(len(sequences) for sequences in heads.values())
    K = min(len(frames) for sequences in heads.values() for frames in sequences.values())
    x = np.stack([[frames[:K] for frames in list(sequences.values())[:J]] for sequences in heads.values()])
    return x, np.array([labels[subject] for subject in heads])


def pair_batch(x, l, count, rng):
    """A batch of learning I: half of the pairs show one person in two sequences, the others show two people."""
    I, J, K = x.shape[:3]
    i, j = rng.integers(I, size=count), rng.integers(J, size=count)
    k, k_prime = rng.integers(K, size=(2, count))
    another = (i + rng.integers(1, I, count)) % I
    i_prime = np.where(np.arange(count) < count // 2, i, another)
    j_prime = (j + rng.integers(1, J, count)) % J  # frames of one sequence share a background, which reveals the pair
    # Eq. 1:  b = [1{l^1 == l'^1}, ..., 1{l^t == l'^t}]^T
    b = (l[i] == l[i_prime]).astype(np.float32)  # (B, t)
    return x[i, j, k], x[i_prime, j_prime, k_prime], b


def sequence_batch(x, rng):
    """A batch of learning II: x (I J K, H, W, 3), noise z (I J K, H, W, 1), epsilon (2, I J K, 1, 1, 1)."""
    sides = (SUBJECTS, SEQUENCES, FRAMES)
    chosen = x[np.ix_(*(rng.choice(n, side, replace=False) for n, side in zip(x.shape, sides, strict=False)))]
    count, size = np.prod(sides), x.shape[-2]
    # section IV-A: z ~ U(0, 1); one draw per sequence, so that Eqs. 10 and 11 do not contradict each other (row 20)
    z = rng.random((SUBJECTS * SEQUENCES, size, size, 1), np.float32).repeat(FRAMES, axis=0)
    epsilon = rng.random((2, count, 1, 1, 1), np.float32)
    return chosen.reshape(count, size, size, 3), z, epsilon


# ---- Networks: Table I ----


def attribute_classifier(size):
    """D_a: two images along the depth axis -> for each label, the probability that they agree."""
    pair = x = keras.Input((size, size, 6))
    for kernels, stride in ((16, 2), (64, 1), (128, 1), (64, 2), (64, 2)):  # the last row of Table I stands twice
        x = layers.Conv2D(kernels, 3, stride, padding="same")(x)
        x = layers.BatchNormalization(momentum=0.8)(x)
        x = layers.LeakyReLU(0.2)(x)
        x = layers.Dropout(0.25)(x)
    x = layers.Dense(128, activation="relu")(layers.Flatten()(x))  # (B, 128)
    return keras.Model(pair, layers.Dense(len(LABELS), activation="sigmoid")(x), name="D_a")  # (B, t)


def unet(channels, size, width, name):
    """U_e (4 channels: RGB and noise) or U_d (3 channels): the U-Net of [44], padded to keep its size."""

    def two_convolutions(x, kernels):
        for _ in range(2):
            x = layers.ReLU()(layers.Conv2D(kernels, 3, padding="same")(x))
        return x

    image = x = keras.Input((size, size, channels))
    skips = []
    for level in range(4):
        x = two_convolutions(x, width * 2**level)  # (B, size / 2^level, size / 2^level, width 2^level)
        skips.append(x)
        x = layers.MaxPooling2D()(x)
    x = two_convolutions(x, width * 16)  # (B, size / 16, size / 16, 16 width)
    for level in reversed(range(4)):
        x = layers.Conv2DTranspose(width * 2**level, 2, 2)(x)
        x = two_convolutions(layers.Concatenate()([skips[level], x]), width * 2**level)
    return keras.Model(image, layers.Conv2D(3, 1, activation="sigmoid")(x), name=name)  # (B, size, size, 3) in (0, 1)


def patch_gan(size, width):
    """D_f: one score per patch [25]; without sigmoid and batch normalisation, as Eq. 6 asks (row 12)."""
    image = x = keras.Input((size, size, 3))
    for kernels, stride in ((width, 2), (2 * width, 2), (4 * width, 2), (8 * width, 1)):
        x = layers.LeakyReLU(0.2)(layers.Conv2D(kernels, 4, stride, padding="same")(x))
    return keras.Model(image, layers.Conv2D(1, 4, padding="same")(x), name="D_f")  # (B, size / 8, size / 8, 1)


# ---- Learning I: section III-A ----


def standardize(image):
    """Each image to mean 0 and variance 1, in both learning phases (row 21)."""
    mean = ops.mean(image, axis=(1, 2, 3), keepdims=True)
    variance = ops.mean(ops.square(image - mean), axis=(1, 2, 3), keepdims=True)
    return (image - mean) / ops.sqrt(variance + 1e-6)


def agreement(D_a, x, x_prime, training=False):
    # Eq. 2:  b^ = D_a(x, x')
    return D_a(ops.concatenate([standardize(x), standardize(x_prime)], axis=-1), training=training)  # (B, t)


def classifier_loss(D_a, x, x_prime, b):
    b_hat = ops.clip(agreement(D_a, x, x_prime, training=True), EPSILON, 1 - EPSILON)
    # Eq. 3:  L_ce = E[-b^T log(b^) - (1 - b)^T log(1 - b^)]
    return ops.mean(ops.sum(-b * ops.log(b_hat) - (1 - b) * ops.log(1 - b_hat), axis=-1))


# ---- Learning II: section III-B ----


def deidentify_and_reconstruct(U_e, U_d, x, z):
    a = U_e(ops.concatenate([x, z], axis=-1))  # (B, H, W, 3)
    r = U_d(a)  # (B, H, W, 3)
    return a, r


def input_gradient(D_f, images):
    """Gradient of each image's mean patch score with respect to its pixels, (B, H, W, 3)."""
    with tf.GradientTape() as tape:
        tape.watch(images)
        score = ops.sum(ops.mean(D_f(images), axis=(1, 2, 3)))
    return tape.gradient(score, images)


def critic_loss(U_e, U_d, D_f, x, z, epsilon):
    """What D_f minimises: Eq. 6 and, as a penalty, its constraint. Returns both."""
    a, r = (ops.stop_gradient(fake) for fake in deidentify_and_reconstruct(U_e, U_d, x, z))
    # Eq. 6:  L_adv1 = -2 E[D_f(x)] + E[D_f(a)] + E[D_f(r)]
    adv1 = -2 * ops.mean(D_f(x)) + ops.mean(D_f(a)) + ops.mean(D_f(r))
    # Eq. 6:  s.t. ||D_f||_inf <= delta_gp, as in [21] at points between real and fake images (row 4: one reading)
    #         ->  E[max(0, ||grad D_f(x^)||_inf / delta_gp - 1)^2],  x^ = epsilon x + (1 - epsilon) fake
    limit = 0.0
    for fake, share in ((a, epsilon[0]), (r, epsilon[1])):
        gradient = input_gradient(D_f, share * x + (1 - share) * fake)  # (B, H, W, 3)
        largest = ops.max(ops.abs(gradient), axis=(1, 2, 3))  # (B,)
        limit += ops.mean(ops.square(ops.relu(largest / DELTA_GP - 1)))
    return adv1, limit


def histogram(image):
    """h of Eq. 12, (B, 3, BINS): a pixel is shared between its two nearest bins, so that gradients pass (row 16)."""
    position = ops.clip(image * BINS - 0.5, 0, BINS - 1)  # 0 is the centre of the first bin
    flat = ops.reshape(position, (-1, image.shape[1] * image.shape[2], 3, 1))  # (B, H W, 3, 1)
    return ops.mean(ops.relu(1 - ops.abs(flat - ops.arange(BINS, dtype="float32"))), axis=1)


def generator_terms(U_e, U_d, D_f, D_a, x, z):
    """The six terms of Eq. 13; the batch is in the order I, J, K."""
    a, r = deidentify_and_reconstruct(U_e, U_d, x, z)
    ijk = ops.reshape(a, (-1, SEQUENCES, FRAMES, *a.shape[1:]))  # (I, J, K, H, W, 3)
    a_k_prime = ops.reshape(ops.roll(ijk, 1, axis=2), a.shape)  # another frame of the same sequence
    a_j_prime = ops.reshape(ops.roll(ijk, 1, axis=1), a.shape)  # another sequence of the same subject
    s = ops.convert_to_tensor(S, "float32")  # (t,)
    h_x, h_a = histogram(x), histogram(a)  # (B, 3, BINS)

    # Eq. 5:  L_mse = E[(x - U_d(U_e(x)))^2]                                  (row 3: a mean square, not a norm)
    mse = ops.mean(ops.square(x - r))
    # Eq. 8:  L_adv2 = -E[D_f(a)] - E[D_f(r)]
    adv = -ops.mean(D_f(a)) - ops.mean(D_f(r))
    # Eq. 9:  L_ano = E[-s . (2 D_a(x, a) - 1)]                               (row 1: the sign corrected)
    ano = ops.mean(ops.sum(-s * (2 * agreement(D_a, x, a) - 1), axis=-1))
    # Eq. 10: L_con = -E[1^T D_a(a_ijk, a_ijk')],  k != k'
    con = -ops.mean(ops.sum(agreement(D_a, a, a_k_prime), axis=-1))
    # Eq. 11: L_div = E[1^T D_a(a_ij., a_ij'.)],  j != j'
    div = ops.mean(ops.sum(agreement(D_a, a, a_j_prime), axis=-1))
    # Eq. 12: L_dis = E[sum_i (h_i(x) - h_i(a))^2 / (h_i(x) + h_i(a))]        summed over bins and colours
    dis = ops.mean(ops.sum(ops.square(h_x - h_a) / (h_x + h_a + EPSILON), axis=(1, 2)))
    return {"mse": mse, "adv": adv, "ano": ano, "con": con, "div": div, "dis": dis}


def generator_loss(terms):
    # Eq. 13: w_mse L_mse + w_adv L_adv2 + w_ano L_ano + w_con L_con + w_div L_div + w_dis L_dis
    return sum(OMEGA[name] * terms[name] for name in OMEGA)


# ---- Training ----


def minimize(loss_and_log, variables, optimizer):
    """One optimiser step on `variables`; returns what is to be printed."""
    with tf.GradientTape() as tape:
        loss, log = loss_and_log()
    optimizer.apply(tape.gradient(loss, variables), variables)
    return log


def learn_classifier(D_a, x, l, steps, rng):
    """Learning I. Eq. 4:  D_a* = argmin L_ce  (row 2: printed L_cc)."""
    optimizer = keras.optimizers.Adam(CLASSIFIER_RATE)
    optimizer.build(D_a.trainable_variables)

    @tf.function
    def step(x, x_prime, b):
        def loss():
            ce = classifier_loss(D_a, x, x_prime, b)
            return ce, ce

        return minimize(loss, D_a.trainable_variables, optimizer)

    for n in range(1, steps + 1):
        ce = step(*map(tf.constant, pair_batch(x, l, PAIRS, rng)))
        if n % PRINT_EVERY == 0 or n == steps:
            print(f"learning I, step {n} of {steps}: L_ce {float(ce):.3f}")


def learn_generators(U_e, U_d, D_f, D_a, x, steps, rng, after):
    """Learning II: CRITIC_STEPS times Eq. 7, then Eq. 13 once; `after(step)` is called every PRINT_EVERY steps."""
    D_a.trainable = False
    of_critic, of_generators = D_f.trainable_variables, U_e.trainable_variables + U_d.trainable_variables
    critic_optimizer = keras.optimizers.Adam(CRITIC_RATE, beta_1=0.5)
    generator_optimizer = keras.optimizers.Adam(GENERATOR_RATE, beta_1=0.5)
    critic_optimizer.build(of_critic)
    generator_optimizer.build(of_generators)

    @tf.function
    def critic_step(x, z, epsilon):
        def loss():
            adv1, limit = critic_loss(U_e, U_d, D_f, x, z, epsilon)
            return adv1 + PENALTY_WEIGHT * limit, {"adv1": adv1}

        return minimize(loss, of_critic, critic_optimizer)

    @tf.function
    def generator_step(x, z):
        def loss():
            terms = generator_terms(U_e, U_d, D_f, D_a, x, z)
            return generator_loss(terms), terms

        return minimize(loss, of_generators, generator_optimizer)

    for n in range(1, steps + 1):
        for _ in range(CRITIC_STEPS):  # Eq. 7:  D_f* = argmin L_adv1
            log = critic_step(*map(tf.constant, sequence_batch(x, rng)))
        log |= generator_step(*map(tf.constant, sequence_batch(x, rng)[:2]))  # Eq. 13:  U_e*, U_d* = argmin ...
        if n % PRINT_EVERY == 0 or n == steps:
            print(f"learning II, step {n} of {steps}: " + ", ".join(f"L_{k} {float(v):.3f}" for k, v in log.items()))
            after(n)


# ---- What came out ----


def decidability(genuine, impostors):
    # Eq. 14: d' = (mu_G - mu_I) / sqrt(sigma_G^2 + sigma_I^2)
    return (np.mean(genuine) - np.mean(impostors)) / np.sqrt(np.var(genuine) + np.var(impostors))


def write_sheet(path, U_e, U_d, x, rng):
    """One column per sequence, three rows: x, a and r of its first frame."""
    x = x[:, :, 0].reshape(-1, *x.shape[3:])  # (I J, H, W, 3)
    z = rng.random((*x.shape[:3], 1), np.float32)
    a, r = deidentify_and_reconstruct(U_e, U_d, x, z)
    rows = [np.concatenate(list(ops.convert_to_numpy(images)), axis=1) for images in (x, a, r)]  # (H, I J W, 3) each
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.round(255 * np.concatenate(rows)[..., ::-1]).astype(np.uint8))


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[1] / "data_prep/sample/cctv")
    parser.add_argument("--out", type=Path, default=Path("sheet.png"))
    parser.add_argument("--size", type=int, default=SIZE, help="side of a head in pixels, a multiple of 16")
    parser.add_argument("--width", type=int, default=WIDTH, help="kernels of the first layer of U_e, U_d and D_f")
    parser.add_argument("--classifier-steps", type=int, default=CLASSIFIER_STEPS, help="steps of learning I")
    parser.add_argument("--steps", type=int, default=STEPS, help="steps of learning II")
    args = parser.parse_args(arguments)
    if keras.backend.backend() != "tensorflow":
        parser.error("this file takes its gradients from TensorFlow; set KERAS_BACKEND=tensorflow")

    keras.utils.set_random_seed(SEED)
    rng = np.random.default_rng(SEED)
    x, l = load(args.data, "train", args.size)
    others, _ = load(args.data, "validation", args.size)
    D_a = attribute_classifier(args.size)
    U_e, U_d = unet(4, args.size, args.width, "U_e"), unet(3, args.size, args.width, "U_d")
    D_f = patch_gan(args.size, args.width)

    learn_classifier(D_a, x, l, args.classifier_steps, rng)
    # people who took part in training stand on the left of the sheet, others on the right
    shown = np.concatenate([x, others])
    learn_generators(U_e, U_d, D_f, D_a, x, args.steps, rng, lambda n: write_sheet(args.out, U_e, U_d, shown, rng))

    # Section IV-C in small. D_a helped to train U_e, so its d' is no proof: judges for that are in `uunet evaluate`.
    one, other, b = pair_batch(x, l, 128, rng)
    z = rng.random((*other.shape[:3], 1), np.float32)
    a, _ = deidentify_and_reconstruct(U_e, U_d, other, z)
    for name, second in (("x <-> x'", other), ("x <-> a'", a)):
        score = ops.convert_to_numpy(agreement(D_a, one, second))[:, 0]  # of the ID
        print(f"d' of D_a, {name}: {decidability(score[b[:, 0] == 1], score[b[:, 0] == 0]):.3f}")
    print(f"Wrote {args.out}: x above a above r.")


if __name__ == "__main__":
    main()
