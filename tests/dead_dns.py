"""`dead_dns.py COMMAND…`: run a command beside a DNS server that takes questions and answers none.

To be started in network and mount namespaces of its own. When the first question has come, the command is sent SIGTERM;
prints its exit status after that, negative for a signal.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import tempfile

_ASKED_S = 60


def main() -> None:
    """Do it."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as resolver, socket.socket(type=socket.SOCK_DGRAM) as dns:
        resolver.write("nameserver 127.0.0.1\noptions timeout:30 attempts:5\n")  # nobody waits for that
        resolver.flush()
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        subprocess.run(["mount", "--bind", resolver.name, "/etc/resolv.conf"], check=True)
        dns.bind(("127.0.0.1", 53))
        dns.settimeout(_ASKED_S)
        with subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL) as command:
            try:
                dns.recv(512)
            except TimeoutError:
                command.kill()
                sys.exit("it asked for no name")
            command.send_signal(signal.SIGTERM)
            sys.stdout.write(f"{command.wait()}\n")


if __name__ == "__main__":
    main()
