"""Asks a Kafka node whether it serves; the only file of the brokers that knows the client."""

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from pipelines.brokers.node import Node, listening

_ANSWER_TIMEOUT_MS = 5_000


def is_ready(node: Node) -> bool:
    """Tells whether a node answers requests and counts itself among the brokers of its cluster."""
    if not listening(node.port):
        return False
    try:
        client = KafkaAdminClient(
            bootstrap_servers=node.address,
            request_timeout_ms=_ANSWER_TIMEOUT_MS,
            bootstrap_timeout_ms=_ANSWER_TIMEOUT_MS,
        )
    except KafkaError:
        return False
    try:
        return any(broker["broker_id"] == node.node_id for broker in client.describe_cluster()["brokers"])
    except KafkaError:
        return False
    finally:
        client.close()
