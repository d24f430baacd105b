"""Free loopback ports that stay free: below the range from which the system takes ports for outgoing connections.

A client that redials a dead broker inside that range would sooner or later be given the broker's own port and talk to
itself, and the broker could not come back.
"""

import random
import socket

from detector.errors import ConfigError

_LOWEST, _HIGHEST = 15_000, 30_000
_TRIES = 1_000


def free_ports(count: int) -> list[int]:
    """Returns ``count`` different ports of 127.0.0.1 on which nothing listens.

    Raises:
        ConfigError: none was found.
    """
    ports: list[int] = []
    for port in random.Random().sample(range(_LOWEST, _HIGHEST), _TRIES):
        if len(ports) == count:
            return ports
        if is_free(port):
            ports.append(port)
    raise ConfigError(f"No {count} free ports between {_LOWEST} and {_HIGHEST} were found on 127.0.0.1: free some.")


def is_free(port: int) -> bool:
    """Tells whether a server could listen at a loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
