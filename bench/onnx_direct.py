"""onnxruntime called directly: `python -P -m bench.onnx_direct MODEL THREADS SECONDS FOLDER [decoded]`.

Classifies the JPEG files of FOLDER, eight at a time, in one process, with no server. Prints, as JSON, how many, in
how many seconds, and in how many of the processor. Pictures are decoded and made ready as our engine does it; with
`decoded` that was done before, once.
"""

from __future__ import annotations

import json
import sys
import time
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime

from models.classifiers import OnnxClassifier
from models.picture import decode

_BATCH = 8
_WARM_S = 1.0


def main(path: Path, threads: int, seconds: float, folder: Path, *, decoded: bool) -> None:
    """Classify, and print how many."""
    cv2.setNumThreads(1)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    ready = OnnxClassifier(path)  # which is asked for inputs only
    files = [file.read_bytes() for file in sorted(folder.glob("*.jpg"))]
    batches = [list(islice(cycle(files), start, start + _BATCH)) for start in range(len(files))]

    def made(batch: list[bytes]) -> npt.NDArray[Any]:
        return np.stack([ready.prepare(decode(data, enough=ready.enough))[0] for data in batch])

    before = [made(batch) for batch in batches]
    done = 0
    used = 0.0
    begins = time.monotonic() + _WARM_S
    for number in cycle(range(len(batches))):
        session.run(None, {name: before[number] if decoded else made(batches[number])})
        if (now := time.monotonic()) < begins:
            used = time.process_time()
        else:
            done += _BATCH
        if now > begins + seconds:
            print(json.dumps({"images": done, "seconds": now - begins, "cpu_s": time.process_time() - used}))
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4]), decoded="decoded" in sys.argv[5:])
