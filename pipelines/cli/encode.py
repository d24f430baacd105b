"""``reconwatch encode``: the code of every window."""

from functools import partial
from pathlib import Path

import click

from pipelines.cli.series import BUNDLE, JSON, MEMBER, OUT, PLOT, check, draw, options, read, write

EPILOG = """\b
Example:
  reconwatch encode --bundle vae.bundle --data pump-01.csv pump-02.csv --out codes.parquet
  reconwatch encode --bundle vae.bundle --data pump.csv --every 16 --out codes.csv --plot codes.png
"""


@click.command(epilog=EPILOG)
@options(
    BUNDLE,
    click.option(
        "--data",
        "first",
        type=click.Path(path_type=Path),
        required=True,
        multiple=True,
        help="CSV or CSV.gz of one series; more files may follow.",
    ),
    click.argument("more", type=click.Path(path_type=Path), nargs=-1, metavar="[FILE]..."),
    OUT,
    click.option("--every", type=click.IntRange(min=1), default=1, show_default=True, help="Rows between windows."),
    MEMBER,
    PLOT,
    JSON,
)
def encode(
    place: Path,
    first: tuple[Path, ...],
    more: tuple[Path, ...],
    out: Path,
    every: int,
    member: str | None,
    picture: Path | None,
    as_json: bool,
) -> None:
    """Turns windows into the codes that an autoencoder has for them: embeddings for a search, a map, a classifier.

    Writes timestamp (of the window's newest row), series (name of the file) and code_0 to code_D-1.
    """
    import numpy as np
    import pandas as pd

    from detector import api
    from detector.bundle import load
    from detector.uses.pictures import embeddings_figure
    from pipelines.cli.show import progress_bar, result

    check(out, picture)
    bundle = load(place)
    parts, labels = [], []
    with progress_bar() as progress:
        for path in (*first, *more):
            table, name = read(path), path.name.removesuffix(".gz").removesuffix(".csv")
            part = api.encode(bundle, table.frame, every, member, partial(progress, name))
            labels.append(np.zeros(len(part), bool) if table.labels is None else table.labels[part.index])
            part["timestamp"] = np.array(table.stamps, dtype=object)[part.index]
            part.insert(1, "series", name)
            parts.append(part)
    codes = pd.concat(parts, ignore_index=True)
    write(out, codes)
    draw(picture, lambda: embeddings_figure(codes, np.concatenate(labels)))
    result({"codes": str(out), "series": len(parts), "windows": len(codes), "dimensions": codes.shape[1] - 2}, as_json)
