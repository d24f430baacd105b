"""A real HTTP server on loopback that writes down what it is sent and answers as it is told."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, str]]


class Receiver:
    """What has arrived.

    Args:
        answer: told the message, gives status and headers of the answer; may take its time.
    """

    def __init__(self, answer: Callable[[Any], Answer]) -> None:
        self.requests: list[tuple[dict[str, str], Any]] = []
        self._arrived = threading.Condition()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with outer._arrived:
                    outer.requests.append((dict(self.headers), message))
                    outer._arrived.notify_all()
                status, headers = answer(message)
                try:
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                except OSError:
                    pass  # the client has given up

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"

    @property
    def messages(self) -> list[Any]:
        """Bodies in order of arrival."""
        return [message for _, message in self.requests]

    def wait(self, enough: Callable[[list[Any]], bool], seconds: float = 20.0) -> list[Any]:
        """Waits until ``enough`` has arrived and returns it."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: enough(self.messages), seconds), f"only {self.messages} arrived"
            return self.messages


@contextmanager
def receiving(answer: Callable[[Any], Answer] = lambda message: (200, {})) -> Iterator[Receiver]:
    """A receiver that listens meanwhile."""
    receiver = Receiver(answer)
    thread = threading.Thread(target=receiver.server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.server.shutdown()
        receiver.server.server_close()
        thread.join()
