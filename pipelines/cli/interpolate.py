"""``reconwatch interpolate``: what lies between two windows."""

from pathlib import Path

import click

from pipelines.cli.series import BUNDLE, DATA, JSON, MEMBER, OUT, PLOT, check, draw, options, read, write

EPILOG = """\b
Example:
  reconwatch interpolate --bundle vae.bundle --data pump.csv --from 2026-03-01T04:00:00Z --to 2026-03-01T16:00:00Z \\
    --out between.csv --plot between.png
"""


@click.command(epilog=EPILOG)
@options(
    BUNDLE,
    DATA,
    click.option("--from", "first", required=True, help="Time of the newest row of the one window."),
    click.option("--to", "last", required=True, help="Time of the newest row of the other."),
    OUT,
    click.option("--steps", type=click.IntRange(min=2), default=7, show_default=True, help="Windows, ends included."),
    MEMBER,
    PLOT,
    JSON,
)
def interpolate(
    place: Path,
    data: Path,
    first: str,
    last: str,
    out: Path,
    steps: int,
    member: str | None,
    picture: Path | None,
    as_json: bool,
) -> None:
    """Decodes codes on the way from one window of a series to another.

    Writes share (0 and 1 are the two windows as they are rebuilt), row and the channels in their own units. A window
    is named by the time of its newest row; without such a row the one before it counts.
    """
    from detector import api
    from detector.bundle import load
    from detector.uses.pictures import windows_figure
    from pipelines.cli.show import result

    check(out, picture)
    bundle, table = load(place), read(data)
    found = api.interpolate(bundle, table.frame, first, last, steps, member)
    write(out, found)
    draw(picture, lambda: windows_figure(found, bundle.detector.schema, most=steps))
    result({"between": str(out), "steps": steps, "rows_of_each": int(found.row.max()) + 1}, as_json)
