"""The settings of the Kafka client that say where the brokers are and who asks."""

from typing import Any

from kafka.net.sasl.oauth import AbstractTokenProvider

from pipelines.io.kafka.config import KafkaConnection


def options(connection: KafkaConnection) -> dict[str, Any]:
    """Returns the client's settings, secrets in the clear."""
    found = connection.options()
    if connection.token:
        found["sasl_oauth_token_provider"] = _Token(connection.token.get_secret_value())
    return found


class _Token(AbstractTokenProvider):  # type: ignore[misc]
    def __init__(self, token: str) -> None:
        super().__init__()
        self._token = token

    def token(self) -> str:
        return self._token
