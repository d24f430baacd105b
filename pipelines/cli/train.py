"""``reconwatch train``: a bundle from CSV files."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.cli.columns import COLUMNS

if TYPE_CHECKING:
    from detector.members.table import DetectorConfig

EPILOG = """\b
Example:
  reconwatch train --data pump-01.csv pump-02.csv --out pump.bundle
  reconwatch train --data pump.csv.gz --out lstm.bundle --variant deep --backbone lstm
  reconwatch train --data pump.csv.gz --out fast.bundle --preset fast
  reconwatch train --data conn.csv --preset flows --time ts --ignore uid --text id.resp_p --out flows.bundle
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
@click.option(
    "--preset",
    type=click.Choice(["fast", "flows"]),
    help="fast: one small autoencoder, for very many rows a second; flows: an encoder that judges each connection by "
    "itself.",
)
@click.option("--text", multiple=True, metavar="COLUMN", help="A channel of words, by how rare they are; repeatable.")
@COLUMNS
@click.option("--backbone", default="conv1d", show_default=True, help="Its layers: dense, conv1d or lstm.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of everything random.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def train(
    first: tuple[Path, ...],
    more: tuple[Path, ...],
    out: Path,
    config: Path | None,
    variant: str | None,
    preset: str | None,
    text: tuple[str, ...],
    time: str,
    ignore: tuple[str, ...],
    backbone: str,
    seed: int,
    as_json: bool,
) -> None:
    """Learns what is normal from files with the columns timestamp,<channels...>.

    Every file is one series of the same channels. Timestamps are ISO-8601 or whole numbers; gaps, empty cells and
    constant channels are normal. A column is_anomaly is never looked at. A few anomalies in the data do little harm.
    The preset flows takes columns of text (protocol, service, state) as channels, those with up to 256 words.
    """
    from detector.api import fit
    from detector.bundle import check_free
    from detector.members import presets
    from pipelines.cli.show import note, progress_bar, result
    from pipelines.cli.variant import single
    from pipelines.io.frames import Layout, read_table

    if sum(map(bool, (config, variant, preset))) > 1:
        raise click.UsageError("--config, --variant and --preset each say what to train; give one of them.")
    asked = presets.PRESETS[preset]() if preset else None
    if config or variant:
        asked = _from_yaml(config) if config else single(str(variant), backbone)
    check_free(out)
    layout = Layout(time, ignore, text, any_text=preset == "flows")
    tables = [read_table(path, layout) for path in (*first, *more)]
    for sentence in (sentence for table in tables for sentence in table.notes):
        note(sentence)
    with progress_bar() as progress:
        bundle = fit([table.frame for table in tables], asked, seed, progress, tables[0].text)
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
