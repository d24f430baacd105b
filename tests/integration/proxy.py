"""A proxy between a client and a Kafka node that loses what a test wants lost."""

import socket
import struct
import threading
from typing import Literal

Lost = Literal["request", "response"]
END_TRANSACTION = 26
"""Number of the request that commits a transaction, in Kafka's protocol."""


class Proxy:
    """Listens on a loopback port and passes everything on, until told otherwise; a context manager.

    Args:
        port: to listen on.
        target: port of the node.
    """

    def __init__(self, port: int, target: int) -> None:
        self.port, self._target = port, target
        self._listener = socket.create_server(("127.0.0.1", port))
        self._lose: tuple[int, Lost] | None = None
        self._open = threading.Event()
        self._open.set()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self.lost = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> "Proxy":
        return self

    def __exit__(self, *failure: object) -> None:
        self._open.set()
        self._listener.close()
        self._hang_up()

    def lose(self, request: int, what: Lost) -> None:
        """Swallows the next request of this number, or the answer to it; ``lost`` is set when that has happened."""
        self.lost.clear()
        self._lose = request, what

    def cut(self) -> None:
        """Passes nothing on any more; connections stay open and nobody is told."""
        self._open.clear()

    def mend(self) -> None:
        """Begins anew: old connections end, new ones work."""
        self._hang_up()
        self._open.set()

    def _hang_up(self) -> None:
        pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                end.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                node = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            self._pairs.append((client, node))
            awaited: set[int] = set()  # correlation ids of requests whose answer is to be lost
            for begin, end, wanted in ((client, node, self._request), (node, client, self._response)):
                threading.Thread(target=self._pass, args=(begin, end, wanted, awaited), daemon=True).start()

    def _pass(self, begin: socket.socket, end: socket.socket, wanted, awaited: set[int]) -> None:  # type: ignore[no-untyped-def]
        try:
            while frame := _frame(begin):
                self._open.wait()
                if wanted(frame, awaited):
                    end.sendall(struct.pack(">i", len(frame)) + frame)
        except OSError:
            pass  # one side has gone
        for each in (begin, end):
            each.close()

    def _request(self, frame: bytes, awaited: set[int]) -> bool:
        number, _, correlation = struct.unpack(">hhi", frame[:8])
        if self._lose and number == self._lose[0]:
            what = self._lose[1]
            self._lose = None
            if what == "request":
                self.lost.set()
                return False
            awaited.add(correlation)
        return True

    def _response(self, frame: bytes, awaited: set[int]) -> bool:
        (correlation,) = struct.unpack(">i", frame[:4])
        if correlation in awaited:
            self.lost.set()
            return False
        return True


def _frame(end: socket.socket) -> bytes:
    """Returns the next message, empty if there is no further one."""
    head = _exactly(end, 4)
    return _exactly(end, struct.unpack(">i", head)[0]) if head else b""


def _exactly(end: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = end.recv(size - len(parts))
        if not part:
            return b""
        parts += part
    return bytes(parts)
