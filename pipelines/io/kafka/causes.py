"""Why no broker answers: the client says so in its log only, so that is where we listen."""

import logging
import re
import time
from typing import NamedTuple

_FAILED = re.compile(r"^Bootstrap connection to \S+ failed: (?:\w+: )?(?P<reason>.*?) \(backoff .*\)$")
_ADVICE = {
    "CERTIFICATE_VERIFY_FAILED": "ca_file is not of the authority that signed the broker",
    "ALERT_BAD_CERTIFICATE|CERTIFICATE_REQUIRED|UNKNOWN_CA": "the broker does not take our certificate, or got none, "
    "see certificate_file and key_file",
    "WRONG_VERSION_NUMBER|RECORD_LAYER|EOF": "the broker may not speak TLS there, see security_protocol",
    "ECONNREFUSED": "nothing listens there",
    "SaslAuthenticationFailed": "a wrong user, password or token",
    "Invalid frame length": "the answer is not Kafka's, as to a client that does not speak TLS where it should",
    "socket disconnected|ECONNRESET|EPIPE": "the broker hung up, as it does on a wrong user, password or token, on a "
    "client that does not speak TLS where it should or has no certificate (see certificate_file and key_file), and on "
    "one that does while the broker may not speak TLS there",
    "authenticat|SASL": "see sasl_mechanism, user, password and token",
}
"""What usually stands behind a reason, by a pattern of it."""


class Heard(NamedTuple):
    """What the client said, and when, in seconds of the monotonic clock."""

    at_s: float
    reason: str


class Ear(logging.Handler):
    """Remembers why the last connection failed; one that was given up for want of time says nothing about it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = Heard(float("-inf"), "")

    def emit(self, record: logging.LogRecord) -> None:
        """Takes one line of the log."""
        found = _FAILED.match(record.getMessage())
        if found and not re.search("time(d )?out", found["reason"], re.IGNORECASE):
            self.last = Heard(time.monotonic(), found["reason"])


_ear = Ear()
logging.getLogger("kafka.net.manager").addHandler(_ear)


def cause(since_s: float) -> str:
    """Returns why connections failed since a moment of the monotonic clock, and what that means; empty if none did."""
    at_s, reason = _ear.last
    if at_s < since_s:
        return ""
    advice = next((text for pattern, text in _ADVICE.items() if re.search(pattern, reason)), "")
    return f"{reason}: {advice}" if advice else reason
