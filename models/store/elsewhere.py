"""Files that are not on the Hub, such as those of GitHub releases: `pooch` checks each before it gives it its name."""

from __future__ import annotations

import logging
from pathlib import Path

from models.engine import EngineUnavailable
from models.store import download, places
from models.store.catalog import File, Model
from models.store.download import Cancelled, DownloadError, Progress


def fetch(model: Model, file: File, *, progress: Progress, cancelled: Cancelled) -> None:
    """Put a file into our cache, from the first of its addresses that has it.

    Raises `DownloadError` (the first address's), `EngineUnavailable`, `Stopped` or OSError.
    """
    try:
        import pooch
    except ImportError as error:
        raise EngineUnavailable(f"to pull {model.name}: pip install 'wyoming-hearth[{model.engine}]'") from error
    pooch.get_logger().setLevel(logging.WARNING)  # what goes on is told to `progress`
    part = places.part(model, file)

    def downloader(url: str, output_file: str, _: object) -> None:
        download.fetch(
            url, part, model=model.name, name=file.name, size=file.size, progress=progress, cancelled=cancelled
        )
        part.replace(Path(output_file))

    failures: list[DownloadError] = []
    for url in file.urls:
        try:
            pooch.retrieve(url, f"sha256:{file.sha256}", file.name, places.folder(model), downloader=downloader)
        except ValueError:  # pooch's word for a wrong checksum
            failures.append(download.wrong_bytes(url, model.name, file.name))
        except DownloadError as error:
            failures.append(error)
        else:
            return
    raise failures[0]
