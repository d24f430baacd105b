"""How Kafka is reached, read and written; apart from what it configures, which needs the client to be installed."""

from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from detector.errors import ConfigError
from pipelines.clock import Clock
from pipelines.io.base import Context
from pipelines.io.sinks.records import Content

if TYPE_CHECKING:
    from pipelines.io.kafka.sink import KafkaSink
    from pipelines.io.kafka.source import KafkaSource

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]


class KafkaConnection(BaseModel):
    """Where the brokers are and who asks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bootstrap_servers: tuple[str, ...] = Field(
        default=("127.0.0.1:9092",), min_length=1, description="host:port of some of the brokers"
    )
    security_protocol: Protocol = Field(default="PLAINTEXT", description="Whether to encrypt and to authenticate")
    sasl_mechanism: Mechanism | None = Field(default=None, description="How to authenticate, with SASL_...")
    username: str | None = Field(default=None, description="User of PLAIN and SCRAM")
    password: SecretStr | None = Field(default=None, description="Password of PLAIN and SCRAM; environment only")
    token: SecretStr | None = Field(default=None, description="Bearer token of OAUTHBEARER; environment only")
    ca_file: str | None = Field(default=None, description="PEM file of the authority that signed the brokers")
    certificate_file: str | None = Field(default=None, description="PEM file of the client's certificate (mutual TLS)")
    key_file: str | None = Field(default=None, description="PEM file of the client's key")
    key_password: SecretStr | None = Field(default=None, description="Password of the key file; environment only")
    check_hostname: bool = Field(default=True, description="Demand that the certificate names the broker's host")
    bootstrap_timeout_s: float = Field(default=10.0, gt=0, description="How long to look for the first broker")
    client: dict[str, Any] = Field(
        default_factory=dict, description="Any setting of kafka-python, for readers and writers alike, by its name"
    )

    @field_validator("client")
    @classmethod
    def _no_secrets(cls, client: dict[str, Any]) -> dict[str, Any]:
        secret = sorted({"sasl_plain_password", "ssl_password"} & client.keys())
        if secret:
            raise ValueError(f"{secret[0]} is a secret; set password, token or key_password of the connection instead")
        return client

    def options(self) -> dict[str, Any]:
        """Returns the client's settings, secrets in the clear; what ``client`` names goes before the rest."""
        ours = {
            "bootstrap_servers": list(self.bootstrap_servers),
            "security_protocol": self.security_protocol,
            "sasl_mechanism": self.sasl_mechanism,
            "sasl_plain_username": self.username,
            "sasl_plain_password": _shown(self.password),
            "ssl_cafile": self.ca_file,
            "ssl_certfile": self.certificate_file,
            "ssl_keyfile": self.key_file,
            "ssl_password": _shown(self.key_password),
            "ssl_check_hostname": self.check_hostname,
            "bootstrap_timeout_ms": round(1000 * self.bootstrap_timeout_s),
        }
        return {name: value for name, value in ours.items() if value is not None} | self.client


class KafkaConfig(BaseModel):
    """Topics to read, results and offsets to be committed together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["kafka"] = "kafka"
    connection: KafkaConnection = KafkaConnection()
    topics: tuple[str, ...] = Field(default=(), description="Topics to read")
    pattern: str | None = Field(default=None, description="Regular expression of topics to read, instead of topics")
    group: str = Field(default="reconwatch", min_length=1, description="Consumer group; its members share partitions")
    instance: str | None = Field(
        default=None,
        min_length=1,
        description="Name of this member, stable over restarts and unlike any other's: a restart takes over at once. "
        "null makes up a new one at every start",
    )
    state_topic: str | None = Field(
        default="reconwatch-state", description="Compacted topic for open alerts; null: they are lost with a restart"
    )
    start: Literal["earliest", "latest"] = Field(default="earliest", description="Where a new group begins")
    assignor: Literal["cooperative-sticky", "range"] = Field(
        default="cooperative-sticky", description="How the members share partitions"
    )
    max_poll_records: int = Field(default=10_000, ge=1, description="Most records per poll")
    max_rewind_records: int = Field(
        default=10_000_000, ge=0, description="Records read again at most; what is cut off begins cold, as warming"
    )
    session_timeout_s: float = Field(default=15.0, gt=0, description="A member silent for longer loses its partitions")
    transaction_timeout_s: float = Field(
        default=8.0, gt=0, description="Limit of every transactional call; past it the producer is replaced"
    )
    recovery_timeout_s: float = Field(
        default=300.0, gt=0, description="How long to try to recover from failed transactions before giving up"
    )
    consumer: dict[str, Any] = Field(default_factory=dict, description="Any setting of kafka-python's consumer")
    producer: dict[str, Any] = Field(default_factory=dict, description="Any setting of kafka-python's producer")

    @model_validator(mode="after")
    def _one_choice(self) -> Self:
        if bool(self.topics) == bool(self.pattern):
            raise ValueError("name either topics or a pattern")
        return self

    def open(self, clock: Clock) -> "KafkaSource":
        """Joins the group.

        Raises:
            SourceLost: no broker answers.
            ConfigError: a topic is absent or may not be read.
        """
        try:
            from pipelines.io.kafka.source import KafkaSource
        except ModuleNotFoundError as error:
            raise ConfigError(f"{error.name} is missing: Kafka needs 'pip install reconwatch[kafka]'.") from error
        return KafkaSource(self, clock)


class KafkaSinkConfig(BaseModel):
    """A topic of the cluster that the source reads from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["kafka"] = "kafka"
    topic: str = Field(min_length=1, description="Topic to write; it needs as many partitions as the input")
    content: Content = Field(default="alerts", description="What to write")
    batched: bool = Field(default=True, description="Many scores of a partition in one record, as columns")

    def open(self, context: Context) -> "KafkaSink":
        """Joins the transactions of the source.

        Raises:
            ConfigError: the source is not Kafka.
        """
        from pipelines.io.kafka.sink import KafkaSink

        return KafkaSink(self, context)


def _shown(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None
