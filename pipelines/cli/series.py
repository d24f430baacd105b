"""What the verbs for encoders and decoders share: a bundle, a series, a table to write and a picture of it."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from pipelines.io.frames import Table

BUNDLE = click.option(
    "--bundle", "place", type=click.Path(path_type=Path), required=True, help="From 'reconwatch train'."
)
DATA = click.option("--data", type=click.Path(path_type=Path), required=True, help="CSV or CSV.gz of one series.")
MEMBER = click.option("--member", help="Which autoencoder of the bundle; the first by default (see inspect).")
PLOT = click.option("--plot", "picture", type=click.Path(path_type=Path), help="PNG to write.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
OUT = click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Table to write: CSV, or Parquet by its name."
)


def options(*wanted: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Gives a command several options, in this order."""

    def give(command: Any) -> Any:
        for option in reversed(wanted):
            command = option(command)
        return command

    return give


def read(path: Path) -> "Table":
    """Reads one series and tells what is odd about it."""
    from pipelines.cli.show import note
    from pipelines.io.frames import read_table

    table = read_table(path)
    for sentence in table.notes:
        note(sentence)
    return table


def check(out: Path, picture: Path | None = None) -> None:
    """Refuses places that cannot be written, before any work is done for them.

    Raises:
        ConfigError: Parquet is wanted and pyarrow is not installed.
        SinkUnavailable: a place cannot be written.
    """
    from importlib.util import find_spec

    from detector.errors import ConfigError
    from pipelines.cli.files import check_writable

    for target in filter(None, (out, picture)):
        check_writable(target)
    if out.suffix == ".parquet" and not find_spec("pyarrow"):
        raise ConfigError(f"{out} needs pyarrow: pip install 'reconwatch[parquet]', or name a .csv file.")


def write(out: Path, frame: "pd.DataFrame") -> None:
    """Writes a table as CSV, or as Parquet where its name ends so."""
    from pipelines.cli.files import write_whole

    if out.suffix == ".parquet":
        write_whole(out, lambda path: frame.to_parquet(path, index=False))
    else:
        write_whole(out, lambda path: frame.to_csv(path, index=False))


def draw(picture: Path | None, figure: "Callable[[], Figure]") -> None:
    """Writes the picture, if one is wanted."""
    from pipelines.cli.files import write_whole

    if picture:
        write_whole(picture, lambda path: figure().savefig(path, format="png"))
