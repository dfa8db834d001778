"""A people detector that waits to be told to go on, built in a worker process."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.engine import Label
from models.looking import Looker
from models.people import PeopleDetector


class SlowEyes(PeopleDetector):
    """Looks until there is a file `go` in the folder; `looked` there tells at how many pictures, a line a batch.

    Where there is a file `die`, its process ends instead.
    """

    def __init__(self, folder: Path, batch: int) -> None:
        super().__init__()
        self.batch = batch
        self._folder = folder
        self._warm = False

    def see(self, prepared: Sequence[Any]) -> list[list[Label]]:
        if self._warm:
            with (self._folder / "looked").open("a") as looked:
                looked.write(f"{len(prepared)}\n")
            if (self._folder / "die").exists():
                (self._folder / "die").unlink()
                os._exit(1)
            while not (self._folder / "go").exists():
                time.sleep(0.005)
        self._warm = True
        return super().see(prepared)


def open_slow(max_side: int) -> Looker:
    return Looker(SlowEyes(Path(os.environ["SLOW_EYES"]), int(os.environ["SLOW_EYES_BATCH"])))
