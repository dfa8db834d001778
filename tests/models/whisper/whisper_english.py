from __future__ import annotations

import json
import shutil
from pathlib import Path


def english_only(model: Path, folder: Path) -> Path:
    """Copy a stand-in to `folder` as an English-only model: for CTranslate2, one whose vocabulary has no empty word."""
    shutil.copytree(model, folder)
    words = json.loads((folder / "vocabulary.json").read_text("utf-8"))
    (folder / "vocabulary.json").write_text(json.dumps([word or "zz" for word in words]), "utf-8")
    return folder
