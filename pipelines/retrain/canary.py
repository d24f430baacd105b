"""What proves a version in a process of its own: ``python -m pipelines.retrain.canary REGISTRY NAME NUMBER``."""

import sys

import numpy as np
from pydantic import TypeAdapter

from detector.bundle import Bundle, load
from detector.errors import GateRejected, ReconwatchError
from detector.evaluation.selftest import self_test
from pipelines.registry.table import RegistryConfig


def check(bundle: Bundle) -> None:
    """Lets a bundle test itself on its golden windows, whatever its manifest says.

    Raises:
        GateRejected: its scores do not rise on injected anomalies.
    """
    windows = bundle.detector.scaler.inverse(bundle.golden.windows[..., : bundle.detector.channels])
    self_test(bundle.detector, list(np.asarray(windows, np.float64))).check()


def main(registry: str, name: str, number: str) -> int:
    """Proves one version; tells why not on standard error."""
    config: RegistryConfig = TypeAdapter(RegistryConfig).validate_json(registry)
    try:
        opened = config.open(name)
        check(load(opened.fetch(int(number))))
        opened.verify(int(number))
    except ReconwatchError as error:
        print(error, file=sys.stderr)
        return GateRejected.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
