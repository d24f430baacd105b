"""``make stack``: the deployment of deploy/compose.yaml as processes of this machine, and an alert followed through it.

    python -m deploy.stack [--once] [--out out/stack]

Real Kafka, MLflow, Prometheus and Alertmanager, the retrain and the daemon are started on loopback with the deployed
configuration. A leak is put into the stream of a pump station, and every station that its alert passes is looked at.
"""

import argparse
import json
import math
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from deploy.stack.stack import Stack
from deploy.stack.stations import champion
from detector.errors import ReconwatchError

DETECTOR = "pumps"


def main() -> int:
    """Runs the stack and shows where the alert was seen; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--once", action="store_true", help="stop when the alert has been seen everywhere")
    parser.add_argument("--out", type=Path, default=Path("out/stack"), help="folder for data and logs")
    arguments = parser.parse_args()
    console = Console(highlight=False)
    stack = Stack(arguments.out, console)
    try:
        with stack.open():
            stack.stream(stack.records.quiet)
            stack.caught_up()
            console.print(f"\nA pipe of {stack.records.series} leaks. Its alert is seen after")
            seen = stack.follow()
            _show(console, stack, seen)
            told = {"started_s": stack.started_s, "seen_s": seen}
            (arguments.out / "seen.json").write_text(json.dumps(told, indent=2))
            if not arguments.once:
                console.print("\nEverything runs on until Ctrl-C.")
                threading.Event().wait()
            return int(any(map(math.isnan, seen.values())))
    except KeyboardInterrupt:
        return 0
    except ReconwatchError as error:
        print(f"stack: {error}", file=sys.stderr)
        return error.exit_code


def _show(console: Console, stack: Stack, seen: Mapping[str, float]) -> None:
    table = Table("station", "seconds", "where")
    at = stack.ports
    where = {
        "topic alerts": f"kafka {stack.kafka}",
        "metrics page": f"http://127.0.0.1:{at.daemon}/metrics",
        "Prometheus, query": f"http://127.0.0.1:{at.prometheus}",
        "Alertmanager": f"http://127.0.0.1:{at.alertmanager}",
    }
    for name, seconds in seen.items():
        table.add_row(name, f"{seconds:.1f}", where.get(name, ""))
    version = champion(at.mlflow, DETECTOR)
    console.print(table)
    console.print(
        f"The champion is version {version['version']}, run {version['run_id']} of http://127.0.0.1:{at.mlflow}. "
        f"The token for the metrics page stands in {stack.out}/secrets/token."
    )


if __name__ == "__main__":
    sys.exit(main())
