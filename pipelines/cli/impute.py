"""``reconwatch impute``: a series without gaps."""

from functools import partial
from pathlib import Path

import click

from pipelines.cli.series import BUNDLE, DATA, JSON, MEMBER, OUT, PLOT, check, draw, options, read, write

EPILOG = """\b
Example:
  reconwatch impute --bundle denoising.bundle --data holes.csv --out whole.csv --plot whole.png
  reconwatch impute --bundle denoising.bundle --data holes.csv --out whole.csv --most-rows 0   # add no rows
"""


@click.command(epilog=EPILOG)
@options(
    BUNDLE,
    DATA,
    OUT,
    click.option(
        "--most-rows",
        type=click.IntRange(min=0),
        help="Put missing rows in where no more than so many lack in a row; the window's length by default.",
    ),
    MEMBER,
    PLOT,
    JSON,
)
def impute(
    place: Path,
    data: Path,
    out: Path,
    most_rows: int | None,
    member: str | None,
    picture: Path | None,
    as_json: bool,
) -> None:
    """Fills empty cells and missing rows; what was observed stays as it is.

    Writes timestamp, the channels and filled: the names of the channels that were filled in this row, with ; between.
    """
    import numpy as np
    import pandas as pd

    from detector import api
    from detector.bundle import load
    from detector.uses.pictures import imputed_figure
    from pipelines.cli.show import progress_bar, result

    check(out, picture)
    bundle, table = load(place), read(data)
    with progress_bar() as progress:
        found = api.impute(bundle, table.frame, most_rows, member, partial(progress, "impute"))
    times = found.values["timestamp"]
    if not pd.api.types.is_integer_dtype(times):
        times = times.dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ").str.replace(".000000Z", "Z")
    given = found.rows >= 0
    names = np.array(bundle.detector.schema.names, dtype=object)
    shown = found.values.assign(
        timestamp=np.where(given, np.array(table.stamps, dtype=object)[found.rows], times),
        filled=[";".join(names[cells]) for cells in found.filled.to_numpy()],
    )
    write(out, shown)
    draw(picture, lambda: imputed_figure(found, bundle.detector.schema))
    result(
        {
            "whole": str(out),
            "rows": len(shown),
            "rows_added": int((~given).sum()),
            "cells_filled": int(found.filled.to_numpy().sum()),
        },
        as_json,
    )
