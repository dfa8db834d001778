"""A microphone as a command: the quiet hiss of a room at live speed, and whatever raw sound is put into a folder.

`python talker.py FOLDER` writes 16 kHz 16-bit mono. A file FOLDER/say is taken away and played.
"""

import random
import sys
import time
from array import array
from pathlib import Path

CHUNK_S = 0.02
CHUNK_SAMPLES = 320
HISS = 50
"""About 60 dB below the loudest that there is; microphones are never quite silent."""

file = Path(sys.argv[1]) / "say"
pcm = array("h")
due = time.monotonic()
while True:
    if not pcm and file.exists():
        pcm.frombytes(file.read_bytes())
        file.unlink()
    chunk = pcm[:CHUNK_SAMPLES]
    del pcm[:CHUNK_SAMPLES]
    chunk.extend([0] * (CHUNK_SAMPLES - len(chunk)))
    hissing = array("h", (max(-32768, min(32767, sample + random.randint(-HISS, HISS))) for sample in chunk))
    sys.stdout.buffer.write(hissing.tobytes())
    sys.stdout.buffer.flush()
    due += CHUNK_S
    time.sleep(max(0.0, due - time.monotonic()))
