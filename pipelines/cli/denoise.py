"""``reconwatch denoise``: a series without its noise."""

from functools import partial
from pathlib import Path

import click

from pipelines.cli.series import BUNDLE, DATA, JSON, MEMBER, OUT, PLOT, check, draw, options, read, write

EPILOG = """\b
Example:
  reconwatch train --data pump.csv --variant denoising --out denoising.bundle
  reconwatch denoise --bundle denoising.bundle --data pump.csv --out clean.csv --plot clean.png
"""


@click.command(epilog=EPILOG)
@options(BUNDLE, DATA, OUT, MEMBER, PLOT, JSON)
def denoise(place: Path, data: Path, out: Path, member: str | None, picture: Path | None, as_json: bool) -> None:
    """Writes what an autoencoder rebuilds of every row, averaged over all windows that hold it.

    One row per row of --data, the same columns, in the channels' own units; missing values stay missing.
    """
    from detector import api
    from detector.bundle import load
    from detector.uses.pictures import denoised_figure
    from pipelines.cli.show import progress_bar, result

    check(out, picture)
    bundle, table = load(place), read(data)
    with progress_bar() as progress:
        clean = api.denoise(bundle, table.frame, member, partial(progress, "denoise"))
    shown = clean.copy()
    shown.insert(0, "timestamp", table.stamps)
    write(out, shown)
    draw(picture, lambda: denoised_figure(table.frame, clean, bundle.detector.schema))
    result({"clean": str(out), "rows": len(clean), "channels": clean.shape[1]}, as_json)
