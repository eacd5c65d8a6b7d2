"""The site: every link, anchor and name of the API leads somewhere, or nothing is built."""

from pathlib import Path

import pytest

build = pytest.importorskip("mkdocs.commands.build", reason='needs pip install "uunet[docs]"')

from mkdocs.config import load_config  # noqa: E402

ROOT = Path(__file__).parents[1]


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("NO_MKDOCS_2_WARNING", "1")
    return load_config("mkdocs.yml", site_dir=str(tmp_path), strict=True)


@pytest.mark.slow
def test_the_site_is_whole(site, tmp_path):
    build.build(site)
    pages = {path.parent.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("index.html")}
    notebooks = {f"notebooks/{path.stem}" for path in (ROOT / "notebooks").glob("*.ipynb")}
    articles = {f"docs/{path.stem}" for path in (ROOT / "docs").glob("*.md")}
    assert pages >= {".", "REPRODUCTION", "data_prep", "weights"} | notebooks | articles
    assert 'id="uunet.losses.anonymization_loss"' in (tmp_path / "docs/api/index.html").read_text()
