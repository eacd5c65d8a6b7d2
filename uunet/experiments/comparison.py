"""The paper's numbers beside ours: a list of rows per table or figure, each of which reads our number in its record."""

from collections.abc import Callable
from typing import NamedTuple

from uunet.experiments import fig15, histograms, table3
from uunet.experiments.context import JUDGES
from uunet.labels import VALUES


class Row(NamedTuple):
    """One line: `ours` reads a record of the figure."""

    what: str
    paper: str
    ours: Callable


def _precision(row):
    return lambda record: "{mean:.2f} ± {std:.2f}".format(**record["table"][row])


def _environments(key, first=0, step=1):
    """A number of each recogniser's decision environment, from `first` on in steps: `fig06` has two per recogniser."""

    def ours(record):
        found = zip(JUDGES, record["environments"][first::step], strict=True)
        return ", ".join(f"{histograms.NAMES[judge]} {number(of[key])}" for judge, of in found)

    return ours


def number(value: float | None) -> str:
    return "not measurable" if value is None else f"{value:.3f}"


def _sudden(record):
    rows = {judge: record["sudden"][judge][-1:] for judge in JUDGES}  # of x, of a
    return ", ".join(f"{histograms.NAMES[judge]} {number(row['value'])}" for judge, of in rows.items() for row in of)


def _settings(read):
    """A number of each setting of Fig. 13, M → M / P → P / M → P / P → M, or of Fig. 15, without the last."""
    return lambda record: " / ".join(read(setting) for setting in record["settings"])


def _sharpness(version):
    """Of t or r, in each setting of Fig. 15."""

    def ours(record):
        if not fig15.measures_power(record):
            old = "a" if version == "t" else version
            found = " / ".join(number(of["sharpness"][old]["value"]) for of in record["settings"])
            counted = ", in which the hidden pattern counts as detail" if old == "a" else ""
            return f"not measured yet; the record has the mean absolute Laplacian of {old}, {found}{counted}"
        octave, cycles = fig15.finest(record)
        found = " / ".join(number(of["power"][version][octave]["value"]) for of in record["settings"])
        return f"{fig15.drawn(record) if version == 't' else 'r'}: {found} ({cycles} cycles per head)"

    return ours


def _crossed(title, judge):
    return _settings(lambda setting: number(setting["environments"][title][JUDGES.index(judge)]["auc"]))


def _ablated(run, key):
    """PSNR, or a term of Eq. 13, in a run of Fig. 14, beside that of the reference."""

    def ours(record):
        runs = {of["name"]: of for of in record["runs"]}
        if runs[run]["diverged"]:
            return "diverged"
        number = [of[key]["value"] if key in of else of["terms"][key][0] for of in (runs[run], runs["reference"])]
        name = {"psnr_r": "PSNR(x, r)", "psnr_a": "PSNR(x, a)"}.get(key, f"L_{key}")
        return "{} {:.3g}, reference {:.3g}".format(name, *number)

    return ours


def _points(key, way, *steps):
    """A metric of `damage` at some steps of a degradation."""

    def ours(record):
        at = {point["at"]: point[key]["value"] for point in record["ways"][way]}
        return " / ".join(number(at[step]) for step in steps)

    return ours


def _soft_labels(label, of):
    """The mean over samples of each evaluator of Table III, and that of labels that always follow s."""

    def ours(record):
        found = {row["judge"]: row["mean"] for row in record["rows"] if (row["label"], row["of"]) == (label, of)}
        return ", ".join(f"{table3.JUDGES[judge]} {number(mean)}" for judge, mean in found.items())

    return ours


def _difference(angle):
    """Of x and a, beside the evaluator's own error."""

    def ours(record):
        found = record["pose"][angle]
        (of_a, spread), (of_x, _) = ((found[pair]["mean"], found[pair]["std"]) for pair in ("x, a", "truth, x"))
        return "not measurable" if of_a is None else f"{of_a:.3f} ± {spread:.3f} (judge's own error {of_x:.3f})"

    return ours


def _agreement(record):
    found = (record["expression"][pair] for pair in ("x, a", "truth, x"))
    of_a, of_x = (f"{number(of['agreement'])}, κ {number(of['kappa'])}" for of in found)
    return f"{of_a} (x as read with the truth {of_x})"


def _plane(number, *keys):
    def ours(record):
        found = record["planes"][number]
        for key in keys:
            found = found[key]
        return "{:.3f} ({:.3f} to {:.3f})".format(found["value"], *found["interval"])

    return ours


def _size(key, unit):
    def ours(record):
        return " / ".join(f"{record['networks'][name][key] / unit:.2f}" for name in ("U_e, [44]", "D_a", "D_f"))

    return ours


ROWS = {
    "table1": [
        Row("parameters of U_e / D_a / D_f, millions", "not given", _size("parameters", 1e6)),
        Row("GFLOPs a head of the same", "not given", _size("flops", 1e9)),
    ],
    "fig05": [
        Row("MTCNN's mAP on x", "0.82 ± 0.02 / 0.84 ± 0.03 / 0.63 ± 0.01", _precision(0)),
        Row("on a", "0.73 ± 0.06 / 0.75 ± 0.06 / 0.59 ± 0.10", _precision(1)),
        Row("8 superpixels", "0.23 ± 0.06 / 0.21 ± 0.04 / 0.20 ± 0.04", _precision(2)),
        Row("16 superpixels", "0.36 ± 0.05 / 0.32 ± 0.04 / 0.22 ± 0.05", _precision(3)),
        Row("5 × 3 pixels", "0.20 ± 0.03 / 0.19 ± 0.03 / 0.17 ± 0.02", _precision(4)),
        Row("7 × 4 pixels", "0.31 ± 0.04 / 0.27 ± 0.04 / 0.16 ± 0.06", _precision(5)),
        Row("mean confidence in x", "0.954 / 0.968 / 0.918", lambda record: number(record["confidence"]["x"])),
        Row("mean confidence in a", "0.931 / 0.930 / 0.877", lambda record: number(record["confidence"]["a"])),
        Row("Pearson's coefficient of the two", "0.011 / 0.023 / 0.025", lambda record: number(record["pearson"])),
    ],
    "fig06": [
        Row("d' of x ↔ x'", "1.885 / 0.839", _environments("d", 0, 2)),
        Row("d' of x ↔ a'", "0.162 / 0.155", _environments("d", 1, 2)),
        Row("AUC of x ↔ x'", "0.962 / 0.820", _environments("auc", 0, 2)),
        Row("AUC of x ↔ a'", "0.570 / 0.568", _environments("auc", 1, 2)),
    ],
    "fig07": [
        Row("AUC of a_t ↔ a_t+k", '"evident separation"', _environments("auc")),
        Row("sudden changes from frame to frame of a", "< 0.15", _sudden),
    ],
    "table3": [
        Row("gender of a, all equal, Pearson", "0.818 ± 0.096 / 0.890 ± 0.081 / 0.803 ± 0.107",
            _soft_labels("gender", "All Equal")),
        Row("ethnicity", "0.702 ± 0.112 / 0.750 ± 0.099 / 0.622 ± 0.144", _soft_labels("ethnicity", "All Equal")),
        Row("hairstyle", "0.647 ± 0.106 / 0.663 ± 0.102 / 0.594 ± 0.118", _soft_labels("hairstyle", "All Equal")),
        *(Row(f"{label} of a, all different", "not given apart", _soft_labels(label, "All Different"))
          for label in VALUES),
        *(Row(f"{label} read from x': the judges' ceiling", "not given", _soft_labels(label, "x'"))
          for label in VALUES),
    ],
    "fig08": [
        *(Row(f"from x to its a in the plane, {name}, in distances of two people", said, _plane(k, "distance"))
          for k, (name, said) in enumerate((("all equal", '"relative proximity"'), ("all different", '"antipodes"')))),
        Row("a nearest to their own person's x, all equal", "not given", _plane(0, "nearest", "a")),
        Row("all different", "not given", _plane(1, "nearest", "a")),
    ],
    "fig10": [Row("d' of a_j ↔ a_k, two sequences", "0.491 / 0.329", _environments("d"))],
    "fig11": [
        Row("mean of r − r', other noise", '"close to 0"', lambda record: number(record["residuals"]["r"]["mean"])),
        Row("AUC of r ↔ r' of one input", '"absolute separation"', _environments("auc")),
    ],
    "fig12": [
        Row("CIE L*a*b* distance of backgrounds", "a plot", lambda record: number(record["background"]["mean"])),
        Row("yaw of a − yaw of x, radians", "0.177 ± 0.091 / 0.184 ± 0.087 / 0.140 ± 0.075", _difference("yaw")),
        Row("pitch", "0.101 ± 0.068 / 0.120 ± 0.070 / 0.113 ± 0.055", _difference("pitch")),
        Row("roll", "0.021 ± 0.006 / 0.025 ± 0.005 / 0.022 ± 0.004", _difference("roll")),
        Row("expressions of x and a that agree", "about 0.82", _agreement),
    ],
    "fig13": [
        Row("AUC of x ↔ a', M → M / P → P / M → P / P → M, own recogniser", "d' in the figure: hardly changed",
            _crossed("face recognition, x ↔ a'", "own")),
        Row("the same, dlib", "the same", _crossed("face recognition, x ↔ a'", "dlib")),
        Row("AUC of a_t ↔ a_t+k, own recogniser", '"decreased evidently" across sets',
            _crossed("temporal consistency, a_t ↔ a_t+k", "own")),
        Row("PSNR(x, r), dB", '"remained effective" across sets', _settings(lambda of: number(of["psnr"]["value"]))),
        Row("faces found in a, relative to x", '"substantially lower" photorealism across sets',
            _settings(lambda of: number(of["found"]["value"]))),
    ],
    "fig14": [
        Row("ω_mse ÷ 10", "pixelization, blur, poor resolution of r", _ablated("ω_mse ÷ 10", "psnr_r")),
        Row("ω_adv ÷ 10", "poor photorealism, divergence", _ablated("ω_adv ÷ 10", "adv")),
        Row("ω_ano ÷ 10", "high similarity of x and a", _ablated("ω_ano ÷ 10", "psnr_a")),
        Row("ω_con ÷ 10", "poor similarity of frames", _ablated("ω_con ÷ 10", "con")),
        Row("ω_div ÷ 10", "unimodal a", _ablated("ω_div ÷ 10", "div")),
        Row("ω_dis ÷ 10", "poor photorealism", _ablated("ω_dis ÷ 10", "dis")),
        Row("δ_gp × 10", "poor photorealism, divergence", _ablated("δ_gp × 10", "adv")),
    ],
    "fig15": [
        Row("PSNR(x, r), dB: heads of 256 pixels by their own weights / of 64 by their own / by those of 256",
            'not "sharpened"', _settings(lambda of: number(of["psnr"]["value"]))),
        Row("sharpness of t (a before x is hidden in it): power relative to x, finest octave of the small heads",
            'a not "visually pleasant"', _sharpness("t")),
        Row("the same of r", 'r not "sharpened"', _sharpness("r")),
        Row("faces found in a, relative to x", '"even poorer" under visual inspection',
            _settings(lambda of: number(of["found"]["value"]))),
        *(Row(f"AUC of x ↔ a', {histograms.NAMES[judge]}", "not given", _crossed("face recognition, x ↔ a'", judge))
          for judge in JUDGES),
    ],
    "damage": [
        Row("PSNR(x, r), ROI of 24 / 64 / 256 pixels, dB", "nobody", _points("psnr", "roi", 24, 64, 256)),
        Row("the same after JPEG of quality 90 / 50", "nobody", _points("psnr", "jpeg", 90, 50)),
        Row("the same after H.264 crf 18 / 28", "nobody", _points("psnr", "h264", 18, 28)),
        Row("AUC r ↔ x' / x ↔ x' after crf 18 / 28, own recogniser", "nobody", _points("identity", "h264", 18, 28)),
    ],
    "errors": [
        Row("Spearman's coefficient of confidence and PSNR(x, r)", "nobody", lambda record: ", ".join(
            f"{name} {number(of['value'])}" for name, of in record["spearman"].items())),
        Row("PSNR(x, r) of the least sure / the surest tenth, dB", "nobody", lambda record: " / ".join(
            number(record["tenths"][k]["psnr"]["value"]) for k in (0, -1))),
    ],
}  # fmt: skip
