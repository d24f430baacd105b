"""A Kafka that encrypts, asks who is there, and lets nobody do what was not allowed."""

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from certificates import Authority
from kafka import KafkaAdminClient
from kafka.admin import ACL, ACLOperation, ACLPermissionType, ACLResourcePatternType, ResourcePattern, ResourceType

from pipelines.brokers.cluster import KafkaCluster
from pipelines.brokers.listeners import Listener

USER, PASSWORD = "reconwatch", "a-secret-of-the-tests"
MODULE = "org.apache.kafka.common.security"


class Secured(NamedTuple):
    """The cluster and the authority of its certificates; through its plain door everything is allowed."""

    cluster: KafkaCluster
    authority: Authority

    def connection(self, door: str, **more: Any) -> dict[str, Any]:
        """The section of a configuration that leads through a door; secrets are left to the environment."""
        return {
            "bootstrap_servers": [f"127.0.0.1:{self.cluster.port(door)}"],
            "ca_file": str(self.authority.file),
            "bootstrap_timeout_s": 2,
            **more,
        }


@contextmanager
def secured(folder: Path) -> Iterator[Secured]:
    """Starts it: doors TLS (encrypted), MTLS (with a certificate of the client) and SASL (with a password or token)."""
    authority = Authority(folder)
    certificate, key = authority.issue("broker")
    store = folder / "broker.keystore.pem"
    store.write_bytes(key.read_bytes() + certificate.read_bytes())
    properties = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": store,
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": authority.file,
        "ssl.principal.mapping.rules": "RULE:^CN=([^,]+).*$/$1/,DEFAULT",
        "listener.name.mtls.ssl.client.auth": "required",
        "listener.name.sasl.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512,OAUTHBEARER",
        "listener.name.sasl.plain.sasl.jaas.config": f"{MODULE}.plain.PlainLoginModule required "
        f'user_{USER}="{PASSWORD}";',
        "listener.name.sasl.scram-sha-512.sasl.jaas.config": f"{MODULE}.scram.ScramLoginModule required;",
        "listener.name.sasl.oauthbearer.sasl.jaas.config": f"{MODULE}.oauthbearer.OAuthBearerLoginModule required "
        'unsecuredLoginStringClaim_sub="broker";',
    }
    listeners = {"TLS": Listener("SSL"), "MTLS": Listener("SSL"), "SASL": Listener("SASL_SSL")}
    with KafkaCluster(1, properties=properties, listeners=listeners, scram={USER: PASSWORD}) as cluster:
        yield Secured(cluster, authority)


def allow(secured: Secured, user: str, *rights: tuple[str, str, str]) -> None:
    """Allows a user (operation, kind of resource, prefix of its name) what a daemon needs."""
    admin = KafkaAdminClient(bootstrap_servers=secured.cluster.bootstrap)
    acls = [
        ACL(
            f"User:{user}",
            "*",
            ACLOperation[operation],
            ACLPermissionType.ALLOW,
            ResourcePattern(ResourceType[kind], prefix, ACLResourcePatternType.PREFIXED),
        )
        for operation, kind, prefix in rights
    ]
    created = admin.create_acls(acls)
    admin.close()
    assert not created.get("failed"), created


def token(user: str) -> str:
    """An unsigned token as Kafka's own validator for trials takes it."""
    claims = {"sub": user, "iat": time.time() - 60, "exp": time.time() + 3600}
    parts = (json.dumps(part).encode() for part in ({"alg": "none"}, claims))
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."
