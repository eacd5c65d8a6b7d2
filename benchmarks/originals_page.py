"""The tables of sealed originals, from their records into docs/sealed-originals.md.

    python -m benchmarks.originals_page

See `benchmarks.originals`, which makes the records.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import typer

from benchmarks import originals
from benchmarks.originals_codecs import COLUMNS
from uunet.evaluation import attacks, tables


def heading(clip: dict) -> str:
    """What was measured, on what, and how, above its table."""
    made, sides = clip["provenance"], clip["sides"]
    return (
        f"`{clip['name']}`, {clip['frames']} frames of {clip['width']} x {clip['height']}, {clip['heads']} heads of "
        f"{sides[0]} to {sides[1]} pixels, {clip['tracks']} tracks (`{made['command']}`, {made['device']}):"
    )


def modes_tables(clips: list[dict]) -> Iterator[str]:
    head = ("reversal", "file", "bytes", "+ sidecar", "bytes per head and frame", "PSNR of r, dB", "SSIM",
            "largest error", "sealing and embedding, ms per frame", "share with MTCNN", "share with given boxes",
            "frames per CPU second, published (boxes given)", "restored")  # fmt: skip
    for clip in clips:
        rows = []
        for row in clip["rows"]:
            if "refused" in row:
                rows.append([row["mode"], row["file"], f"refused: {row['refused']}", *[""] * (len(head) - 3)])
                continue
            r, again = row.get("r"), row.get("restore_ms")
            share, boxed = row["share"]["cpu"], row["share_with_boxes"]["cpu"]
            beside = f"{row['sidecar_bytes']:,}" if row["sidecar_bytes"] else ""
            rows.append([
                row["mode"], row["file"], f"{row['bytes']:,}", beside,
                f"{row['per_head_and_frame']:,.0f}" if "envelopes" in row else "",
                *((f"{r['psnr']:.1f}", f"{r['ssim']:.4f}", str(r["inside"])) if r else ("", "", "")),
                f"{row['sealing_ms']['cpu']:.1f}", f"{share:.0%}", f"{boxed:.0%}",
                f"{1000 / row['pipeline_ms']['cpu']:.0f}", f"{1000 / again['cpu']:.0f}" if again else "",
            ])  # fmt: skip
        yield f"{heading(clip)} MTCNN takes {1000 * clip['detecting'][1]:.0f} ms per frame."
        yield tables.markdown(head, rows)
        lines = []
        for name, row in clip["identity"].items():
            far, alike, area = row["distance"], row["alike"], row["auc"]
            lines.append([
                name, f"{row['found']:.0%}", "-" if far is None else f"{far:.2f}",
                "-" if alike is None else f"{alike:.0%}", "-" if area is None else f"{area:.3f}",
            ])  # fmt: skip
        number = next(iter(clip["identity"].values()))["heads"]
        yield f"What `dlib` makes of {number} of these heads, each version against x:"
        names = (
            "",
            "faces found",
            "mean distance to the same head in x",
            f"at most {originals.ALIKE}",
            "AUC to x of other frames",
        )
        yield tables.markdown(names, lines)


def codecs_tables(clips: list[dict]) -> Iterator[str]:
    sentences: list[str] = []
    for clip in clips:
        lines: dict[str, list[str]] = {}
        for row in clip["rows"]:
            name = row["channel"] if row["published_crf"] == 23 else f"published at crf {row['published_crf']}, copy"
            cell = f"{row['psnr']:.1f}" if "psnr" in row else ""
            if "refused" in row:
                text = row["refused"]
                if text not in sentences:
                    sentences.append(text)
                cell = f"refused [{sentences.index(text) + 1}]" + (f"; accepted: {cell}" if cell else "")
            lines.setdefault(name, []).append(cell)
        yield f"{heading(clip)} PSNR of r in dB, or the refusal."
        yield tables.markdown(("public .mp4 of crf 23, then", *(mode.name for mode in COLUMNS)),
                              [[name, *cells] for name, cells in lines.items()])  # fmt: skip
    yield "\n".join(f"{k}. {text}" for k, text in enumerate(sentences, start=1))


def tracks_tables(clips: list[dict]) -> Iterator[str]:
    for clip in clips:
        yield heading(clip)
        rows = [[row["name"], f"{row['bytes']:,.0f}", f"{row['psnr']:.1f}", f"{row['ms']:.1f}"] for row in clip["rows"]]
        yield tables.markdown(("", "bytes per head and frame", "PSNR, dB", "ms, coded and decoded"), rows)


def attack_tables(clips: list[dict]) -> Iterator[str]:
    for record in clips:
        yield f"`{record['provenance']['command']}`, {record['provenance']['device']}:"
        yield attacks.table(record)


# measurement -> where its records are, in docs/, and what makes the tables
MADE = {
    "modes": ("sealed-originals/modes-*.json", modes_tables),
    "codecs": ("sealed-originals/codecs-*.json", codecs_tables),
    "tracks": ("sealed-originals/tracks-*.json", tracks_tables),
    "attack": ("weights/twin-cctv*attack.json", attack_tables),  # of `uunet attack`: learned and sealed
}


def page(text: str, folder: Path) -> str:
    """The page with the tables of all records between their markers; `folder` is docs/."""
    for name, (files, made) in MADE.items():
        clips = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob(files))]
        begin, end = f"<!-- python -m benchmarks.originals_page writes {name} -->\n", "<!-- until here -->"
        before, rest = text.split(begin)
        text = "\n\n".join([f"{before}{begin}", *made(clips), f"{end}{rest.split(end, 1)[1]}"])
    return text


def main() -> None:
    """Writes the tables of sealed originals into their page."""
    path = originals.FOLDER.with_suffix(".md")
    path.write_text(page(path.read_text(encoding="utf-8"), path.parent), encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
