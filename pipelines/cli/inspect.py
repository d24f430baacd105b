"""``reconwatch inspect``: what is in a bundle."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from detector.bundle import Bundle

EPILOG = """\b
Example:
  reconwatch inspect pump.bundle --plot reconstructions.png
"""


@click.command(epilog=EPILOG)
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--plot", "picture", type=click.Path(path_type=Path), help="PNG to write: windows and what was expected.")
@click.option("--delay", type=click.IntRange(min=0), default=16, show_default=True, help="Delay to show the limit for.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as one JSON object.")
def inspect(bundle: Path, picture: Path | None, delay: int, as_json: bool) -> None:
    """Shows what a bundle holds, after proving that it is whole and scores as it did when it was trained."""
    from detector.bundle import load
    from pipelines.cli.files import check_writable, write_whole

    if picture:
        check_writable(picture)
    loaded = load(bundle)
    facts = _facts(loaded, bundle, delay)
    if as_json:
        print(json.dumps(facts))
    else:
        _show(facts)
    if picture:
        from detector.plots import reconstructions_figure

        figure = reconstructions_figure(loaded.detector, loaded.golden.windows)
        write_whole(picture, lambda path: figure.savefig(path, format="png"))


def _facts(bundle: "Bundle", path: Path, delay: int) -> dict[str, Any]:
    from detector.inference import calibrate

    detector = bundle.detector
    calibrator = calibrate(detector, delay)
    return {
        "bundle": str(path),
        "version": bundle.version,
        "seed": bundle.seed,
        "channels": list(detector.schema.names),
        "interval_s": detector.schema.interval_s,
        "has_clock": detector.schema.has_clock,
        "schema_hash": detector.schema.hash,
        "window_rows": detector.window,
        "members": [
            {
                "name": member.name,
                "kind": config.kind,
                "window": member.window,
                "stride": member.stride,
                "variant": getattr(config, "variant", {}).get("kind"),
                "backbone": getattr(config, "backbone", {}).get("kind"),
                "engine": member.runs_on,
            }
            for member, config in zip(detector.members, bundle.config.members, strict=True)
        ],
        "limit": calibrator.limit,
        "delay_rows": delay,
        "calibration_note": calibrator.note,
        "held_out_rows": sum(map(len, detector.held_out)),
        "trained_on": bundle.facts,
    }


def _show(facts: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console, trained = Console(), facts["trained_on"]
    span = ""
    if facts["has_clock"]:
        first, last = (
            datetime.fromtimestamp(trained[key] / 1e9, UTC).isoformat(timespec="seconds")
            for key in ("first_time_ns", "last_time_ns")
        )
        span = f", {first} to {last}"
    names = facts["channels"]
    shown = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
    console.print(
        f"bundle [bold]{facts['bundle']}[/] version {facts['version']}, seed {facts['seed']}: whole", highlight=False
    )
    console.print(f"trained on {trained['rows']} rows in {trained['runs']} runs{span}", highlight=False)
    console.print(f"{len(names)} channels every {facts['interval_s']:g} s: {shown}", highlight=False)
    console.print(
        f"limit {facts['limit']:.4g} at a delay of {facts['delay_rows']} rows, "
        f"from {facts['held_out_rows']} held-out rows"
        + (f" ({facts['calibration_note']})" if facts["calibration_note"] else ""),
        highlight=False,
    )
    grid = Table("member", "kind", "window", "stride", "autoencoder", "engine")
    for member in facts["members"]:
        network = f"{member['variant']} on {member['backbone']}" if member["variant"] else ""
        numbers = str(member["window"]), str(member["stride"])
        grid.add_row(member["name"], member["kind"], *numbers, network, member["engine"] or "")
    console.print(grid)
