"""Which files of the repository the site shows, by their places in the repository (`mkdocs.yml`)."""

from pathlib import Path

from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
SHOWN = (
    "README.md", "REPRODUCTION.md", "CITATION.cff", "docs/**/*.md", "docs/**/*.png", "docs/**/*.json",
    "notebooks/*.md", "notebooks/*.ipynb", "weights/**/*.md", "data_prep/README.md", "data_prep/synthetic/baked/*.md",
    "examples/*.py",
)  # fmt: skip


def on_config(config):
    """Every notebook has its place in the navigation."""
    section = next(entry["Notebooks"] for entry in config.nav if "Notebooks" in entry)
    section += [f"notebooks/{path.name}" for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
    return config


@event_priority(100)  # before the notebooks among the files are looked for
def on_files(files, config):
    """What is SHOWN, instead of what lies in docs/; the theme's own files stay."""
    paths = sorted({path.relative_to(ROOT).as_posix() for pattern in SHOWN for path in ROOT.glob(pattern)})
    ours = [File(path, str(ROOT), config.site_dir, config.use_directory_urls) for path in paths]
    return Files([file for file in files if file.src_dir != config.docs_dir] + ours)
