"""The paper's numbers beside ours: a list of rows per table or figure, each of which reads our number in its record."""

from collections.abc import Callable
from typing import NamedTuple

from uunet.experiments import fig15, histograms
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
            return "not measured"
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
        name, unit = {"psnr_r": ("PSNR(x, r)", " dB"), "psnr_a": ("PSNR(x, a)", " dB")}.get(key, (f"L_{key}", ""))
        changed, unchanged = (f"{value:.3g}{unit}" for value in number)
        return f"{name} is {changed} (unchanged settings: {unchanged})"

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
        text = ", ".join(f"{by} {number(found[judge])}" for judge, by in EVALUATORS.items() if judge in found)
        if "truth" not in found:
            return text
        below = found["truth"] is not None and number(found["truth"]) != number(1)
        why = " (below 1, because a label has more than two values)" if below else ""
        return f"{text}; perfect labels would give {number(found['truth'])}{why}"

    return ours


def _difference(angle):
    """Of x and a, beside the evaluator's own error."""

    def ours(record):
        found = record["pose"][angle]
        (of_a, spread), (of_x, _) = ((found[pair]["mean"], found[pair]["std"]) for pair in ("x, a", "truth, x"))
        return (
            "not measurable"
            if of_a is None
            else f"{of_a:.3f} ± {spread:.3f} (error of the pose evaluator on x: {of_x:.3f})"
        )

    return ours


def _agreement(record):
    found = (record["expression"][pair] for pair in ("x, a", "truth, x"))
    (of_a, kappa_a), (of_x, kappa_x) = ((number(of["agreement"]), number(of["kappa"])) for of in found)
    return (
        f"{of_a}, Cohen's kappa {kappa_a}. The evaluator agrees with the ground truth of x in {of_x}, kappa {kappa_x}"
    )


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


EVALUATORS = {"D_a": "evaluated by D_a", "soft_labels": "by an independent evaluator"}  # of Table III
ONE_SEQUENCE = "genuine pair: two public heads of one sequence"
TWO_SEQUENCES = "genuine pair: two public heads of one person from two sequences"
OTHER_NOISE = "r' is r of the same input with other noise"
RECOGNISED = "AUC of r ↔ x' divided by AUC of x ↔ x'"
CONFIDENCE = {  # measure of `failure_cases` -> what is high where confidence is high
    "smooth": "little texture", "mirrored": "stable under mirroring", "again": "stable under a second encoding",
    "steady": "stable under noise of ±1 level",
}  # fmt: skip


def _requested(label, s):
    return f"correlation (Pearson) of the {label} of a with the {label} that s requests, s = {s}"


ROWS = {
    "table1": [
        Row("parameters of U_e / D_a / D_f, millions", "not reported", _size("parameters", 1e6)),
        Row("GFLOPs per head of U_e / D_a / D_f", "not reported", _size("flops", 1e9)),
    ],
    "fig05": [
        Row("MTCNN's mAP on x", "0.82 ± 0.02 / 0.84 ± 0.03 / 0.63 ± 0.01", _precision(0)),
        Row("MTCNN's mAP on a", "0.73 ± 0.06 / 0.75 ± 0.06 / 0.59 ± 0.10", _precision(1)),
        Row("MTCNN's mAP on x, replaced by 8 superpixels (Butler et al.)", "0.23 ± 0.06 / 0.21 ± 0.04 / 0.20 ± 0.04",
            _precision(2)),
        Row("MTCNN's mAP on x, replaced by 16 superpixels (Butler et al.)", "0.36 ± 0.05 / 0.32 ± 0.04 / 0.22 ± 0.05",
            _precision(3)),
        Row("MTCNN's mAP on x at 5 × 3 pixels (Ryoo et al.)", "0.20 ± 0.03 / 0.19 ± 0.03 / 0.17 ± 0.02", _precision(4)),
        Row("MTCNN's mAP on x at 7 × 4 pixels (Ryoo et al.)", "0.31 ± 0.04 / 0.27 ± 0.04 / 0.16 ± 0.06", _precision(5)),
        Row("MTCNN's mean confidence in x", "0.954 / 0.968 / 0.918", lambda record: number(record["confidence"]["x"])),
        Row("MTCNN's mean confidence in a", "0.931 / 0.930 / 0.877", lambda record: number(record["confidence"]["a"])),
        Row("Pearson correlation between MTCNN's confidence in x and in a", "0.011 / 0.023 / 0.025",
            lambda record: number(record["pearson"])),
    ],
    "fig06": [
        Row("d' of x ↔ x'", "1.885 / 0.839", _environments("d", 0, 2)),
        Row("d' of x ↔ a'", "0.162 / 0.155", _environments("d", 1, 2)),
        Row("AUC of x ↔ x'", "0.962 / 0.820", _environments("auc", 0, 2)),
        Row("AUC of x ↔ a'", "0.570 / 0.568", _environments("auc", 1, 2)),
    ],
    "fig07": [
        Row(f"AUC of a_t ↔ a_t+k ({ONE_SEQUENCE})", '"evident separation"', _environments("auc")),
        Row("share of consecutive frames of a that a recogniser takes for two different people", "< 0.15", _sudden),
    ],
    "table3": [
        Row(_requested("gender", "all equal"), "0.818 ± 0.096 / 0.890 ± 0.081 / 0.803 ± 0.107",
            _soft_labels("gender", "All Equal")),
        Row(_requested("ethnicity", "all equal"), "0.702 ± 0.112 / 0.750 ± 0.099 / 0.622 ± 0.144",
            _soft_labels("ethnicity", "All Equal")),
        Row(_requested("hairstyle", "all equal"), "0.647 ± 0.106 / 0.663 ± 0.102 / 0.594 ± 0.118",
            _soft_labels("hairstyle", "All Equal")),
        *(Row(_requested(label, "all different"), "not given separately", _soft_labels(label, "All Different"))
          for label in VALUES),
        *(Row(f"{label} predicted from x' (best score that the evaluators reach)", "not reported",
              _soft_labels(label, "x'")) for label in VALUES),
    ],
    "fig08": [
        *(Row("mean distance from x to its a in the 2-D embedding of Fig. 8, divided by the mean distance between two "
              f"people; s = {name}", said, _plane(k, "distance"))
          for k, (name, said) in enumerate((("all equal", '"relative proximity"'), ("all different", '"antipodes"')))),
        *(Row(f"share of a whose nearest x (from another sequence) is of the same person; s = {name}", "not reported",
              _plane(k, "nearest", "a")) for k, name in enumerate(("all equal", "all different"))),
    ],
    "fig10": [Row(f"d' of a_j ↔ a_k ({TWO_SEQUENCES})", "0.491 / 0.329", _environments("d"))],
    "fig11": [
        Row(f"mean of r − r' ({OTHER_NOISE})", '"close to 0"', lambda record: number(record["residuals"]["r"]["mean"])),
        Row(f"AUC of r ↔ r' ({OTHER_NOISE})", '"absolute separation"', _environments("auc")),
    ],
    "fig12": [
        Row("mean distance between the backgrounds of x and a, CIE L*a*b*", "only plotted",
            lambda record: number(record["background"]["mean"])),
        Row("absolute difference of yaw between a and x, radians", "0.177 ± 0.091 / 0.184 ± 0.087 / 0.140 ± 0.075",
            _difference("yaw")),
        Row("absolute difference of pitch between a and x, radians", "0.101 ± 0.068 / 0.120 ± 0.070 / 0.113 ± 0.055",
            _difference("pitch")),
        Row("absolute difference of roll between a and x, radians", "0.021 ± 0.006 / 0.025 ± 0.005 / 0.022 ± 0.004",
            _difference("roll")),
        Row("share of heads in which x and a have the same expression", "about 0.82", _agreement),
    ],
    "fig13": [
        *(Row(f"AUC of x ↔ a', {histograms.NAMES[judge]}", "no AUC given; d' hardly changes",
              _crossed("face recognition, x ↔ a'", judge)) for judge in JUDGES),
        Row("AUC of a_t ↔ a_t+k, own recogniser", '"decreased evidently" across sets',
            _crossed("temporal consistency, a_t ↔ a_t+k", "own")),
        Row("PSNR(x, r), dB", '"remained effective" across sets',
            _settings(lambda of: number(of["psnr"]["value"]))),
        Row("faces found in a, relative to x", '"substantially lower" photorealism across sets',
            _settings(lambda of: number(of["found"]["value"]))),
    ],
    "fig14": [
        Row("weight of L_mse divided by 10", "pixelization, blur, poor resolution of r",
            _ablated("ω_mse ÷ 10", "psnr_r")),
        Row("weight of L_adv divided by 10", "poor photorealism, divergence", _ablated("ω_adv ÷ 10", "adv")),
        Row("weight of L_ano divided by 10", "high similarity of x and a", _ablated("ω_ano ÷ 10", "psnr_a")),
        Row("weight of L_con divided by 10", "poor similarity of frames", _ablated("ω_con ÷ 10", "con")),
        Row("weight of L_div divided by 10", "unimodal a", _ablated("ω_div ÷ 10", "div")),
        Row("weight of L_dis divided by 10", "poor photorealism", _ablated("ω_dis ÷ 10", "dis")),
        Row("delta_gp multiplied by 10", "poor photorealism, divergence", _ablated("δ_gp × 10", "adv")),
    ],
    "fig15": [
        Row("PSNR(x, r), dB", 'not "sharpened"', _settings(lambda of: number(of["psnr"]["value"]))),
        Row("sharpness of the twin output",
            'a not "visually pleasant"', _sharpness("t")),
        Row("sharpness of r",
            'r not "sharpened"', _sharpness("r")),
        Row("faces found in a, relative to x", '"even poorer" under visual inspection',
            _settings(lambda of: number(of["found"]["value"]))),
        *(Row(f"AUC of x ↔ a', {histograms.NAMES[judge]}", "not reported",
              _crossed("face recognition, x ↔ a'", judge)) for judge in JUDGES),
    ],
    "damage": [
        Row("PSNR(x, r), ROI of 24 / 64 / 256 pixels, dB", "not reported", _points("psnr", "roi", 24, 64, 256)),
        Row("PSNR(x, r) after JPEG of quality 90 / 50, dB", "not reported", _points("psnr", "jpeg", 90, 50)),
        Row("PSNR(x, r) after H.264 of crf 18 / 28, dB", "not reported", _points("psnr", "h264", 18, 28)),
        Row(f"{RECOGNISED}, after H.264 of crf 18 / 28, own recogniser", "not reported",
            _points("identity", "h264", 18, 28)),
    ],
    "errors": [
        Row("rank correlation (Spearman) of four confidence measures with PSNR(x, r)", "not reported",
            lambda record: "; ".join(
                f"{CONFIDENCE[name]} {number(of['value'])}" for name, of in record["spearman"].items())),
        Row("PSNR(x, r) of the 10 % of heads with the lowest / highest confidence (little texture), dB", "not reported",
            lambda record: " / ".join(number(record["tenths"][k]["psnr"]["value"]) for k in (0, -1))),
    ],
}  # fmt: skip
