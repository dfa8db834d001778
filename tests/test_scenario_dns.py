"""Names that no DNS server tells the address of: a question to it cannot be taken back, and holds up no end."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DEAD_DNS = Path(__file__).with_name("dead_dns.py")
NAMESPACES = ("unshare", "--net", "--mount", "--fork", "--kill-child")


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ("serve handle --engine embedded --hass-url http://home.example:8123 --hass-token a.b", 0),
        ("serve tts --engine embedded --uri tcp://home.example:10200", 0),
        ("serve tts --engine embedded --zeroconf --uri tcp://home.example:10200", 0),
        ("satellite --mic-command 'sleep 600' --mqtt-host home.example", 0),
        ("satellite --mic-command 'sleep 600' --server asr=tcp://home.example:10300", 0),
        ("ask --uri tcp://home.example:10500 hello", 143),
        ("doctor --mqtt-host home.example", 143),
        ("models pull whisper-tiny", 143),
    ],
)
def test_a_dns_that_is_dead_does_not_keep_it_from_ending(options: str, status: int, tmp_path: Path) -> None:
    if shutil.which("ip") is None:
        pytest.skip("needs the command ip (Debian package iproute2)")
    if subprocess.run([*NAMESPACES, "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs root, to make namespaces")
    if options.startswith("models"):
        pytest.importorskip("huggingface_hub", reason="needs huggingface_hub: script/setup --neural")
    script = f"exec {sys.executable} -P -m satellite {options}"
    done = subprocess.run(
        [*NAMESPACES, sys.executable, "-P", str(DEAD_DNS), "sh", "-c", script],
        env={**os.environ, "HEARTH_DATA_DIR": str(tmp_path), "HF_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(status), done.stderr
    assert "Traceback" not in done.stderr
