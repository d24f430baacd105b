"""Further doors of a Kafka node: with encryption, with passwords, or behind a proxy."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Listener:
    """A door beside the plain one, on the loopback interface like it.

    Attributes:
        protocol: what is spoken there; keys and users are settings of the broker (``listener.name.NAME....``).
        advertised_port: where clients are told to come back to, such as the port of a proxy; None: to the door itself.
    """

    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    advertised_port: int | None = None


@dataclass(frozen=True, slots=True)
class Door:
    """A listener of one node and the port it was given."""

    listener: Listener
    port: int

    @property
    def advertised_port(self) -> int:
        """Where clients are told to come back to."""
        return self.listener.advertised_port or self.port


def properties(doors: Mapping[str, Door]) -> dict[str, str]:
    """Returns the broker settings that open these doors, by name."""
    return {
        "listeners": ",".join(f"{name}://{HOST}:{door.port}" for name, door in doors.items()),
        "advertised.listeners": ",".join(
            f"{name}://{HOST}:{door.advertised_port}" for name, door in doors.items() if name != "CONTROLLER"
        ),
        "listener.security.protocol.map": ",".join(f"{name}:{door.listener.protocol}" for name, door in doors.items()),
    }
