"""``reconwatch train``: a bundle from CSV files."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from detector.members.table import DetectorConfig

EPILOG = """\b
Example:
  reconwatch train --data pump-01.csv pump-02.csv --out pump.bundle
  reconwatch train --data pump.csv.gz --out lstm.bundle --variant deep --backbone lstm
"""


@click.command(epilog=EPILOG)
@click.option(
    "--data",
    "first",
    type=click.Path(path_type=Path),
    required=True,
    multiple=True,
    help="CSV or CSV.gz to learn from; more files may follow.",
)
@click.argument("more", type=click.Path(path_type=Path), nargs=-1, metavar="[FILE]...")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Directory of the bundle to write.")
@click.option("-c", "--config", type=click.Path(path_type=Path), help="YAML with the members of the detector.")
@click.option("--variant", help="Train one autoencoder of this variant instead of the fused default.")
@click.option("--backbone", default="conv1d", show_default=True, help="Its layers: dense, conv1d or lstm.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of everything random.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def train(
    first: tuple[Path, ...],
    more: tuple[Path, ...],
    out: Path,
    config: Path | None,
    variant: str | None,
    backbone: str,
    seed: int,
    as_json: bool,
) -> None:
    """Learns what is normal from files with the columns timestamp,<channels...>.

    Every file is one series of the same channels. Timestamps are ISO-8601 or whole numbers; gaps, empty cells and
    constant channels are normal. A column is_anomaly is never looked at. A few anomalies in the data do little harm.
    """
    from detector.api import fit
    from detector.bundle import check_free
    from pipelines.cli.show import note, progress_bar, result
    from pipelines.cli.variant import single
    from pipelines.io.frames import read_table

    if config and variant:
        raise click.UsageError("--config and --variant both say what to train; give one of them.")
    asked = _from_yaml(config) if config else single(variant, backbone) if variant else None
    check_free(out)
    tables = [read_table(path) for path in (*first, *more)]
    for sentence in (sentence for table in tables for sentence in table.notes):
        note(sentence)
    with progress_bar() as progress:
        bundle = fit([table.frame for table in tables], asked, seed, progress)
    bundle.save(out)
    if not bundle.facts["self_test"]["passed"]:
        note("the self-test failed: scores do not rise on injected anomalies; look for anomalies in the training data.")
    detector = bundle.detector
    result(
        {
            "bundle": str(out),
            "version": bundle.version,
            "members": ", ".join(member.name for member in detector.members),
            "series": len(tables),
            "rows": bundle.facts["rows"],
            "channels": detector.channels,
            "window_rows": detector.window,
        },
        as_json,
    )


def _from_yaml(path: Path) -> "DetectorConfig":
    import yaml
    from pydantic import ValidationError

    from detector.errors import ConfigError
    from detector.members.table import DetectorConfig

    try:
        return DetectorConfig.model_validate(yaml.safe_load(path.read_text()))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}; check the path.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        found = error.errors()[0]
        raise ConfigError(f"{path}: {'.'.join(map(str, found['loc'])) or 'all of it'}: {found['msg']}.") from error
