"""``reconwatch compress``: how small a series becomes as codes, and how much of it is lost."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.cli.series import JSON, MEMBER, OUT, PLOT, check, draw, options, read, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from detector.bundle import Bundle

LEARNT_RATIO = 0.7

EPILOG = """\b
Example:
  reconwatch compress --data pump.csv --bundle vae.bundle --bundle vq.bundle --out ratios.csv
  reconwatch compress --data pump.csv --variant deep --variant pca --code-size 2 --code-size 8 --code-size 32 \\
    --out ratios.csv --plot ratios.png
"""


@click.command(epilog=EPILOG)
@options(
    click.option("--data", type=click.Path(path_type=Path), required=True, help="CSV or CSV.gz of one series."),
    click.option(
        "--bundle", "places", type=click.Path(path_type=Path), multiple=True, help="Measure this; may be repeated."
    ),
    click.option("--variant", "variants", multiple=True, help="Or train this one on the first 70%; may be repeated."),
    click.option(
        "--code-size",
        "sizes",
        type=click.IntRange(min=1),
        multiple=True,
        help="At this size of the code (slots of a vq_vae); may be repeated.",
    ),
    click.option("--backbone", default="conv1d", show_default=True, help="Layers: dense, conv1d or lstm."),
    click.option("--seed", type=int, default=0, show_default=True, help="Of the training."),
    click.option(
        "--bits", type=click.IntRange(1, 32), default=8, show_default=True, help="Bits of one value of a code."
    ),
    OUT,
    MEMBER,
    PLOT,
    JSON,
)
def compress(
    data: Path,
    places: tuple[Path, ...],
    variants: tuple[str, ...],
    sizes: tuple[int, ...],
    backbone: str,
    seed: int,
    bits: int,
    out: Path,
    member: str | None,
    picture: Path | None,
    as_json: bool,
) -> None:
    """Writes a series as codes, reads it back, and says what that saves and what it costs.

    Either of bundles, on all of --data, or of variants trained on the first 70% of it, on the rest. A value of the
    input counts 32 bits. What is lost is the squared error over the variance, on the detector's scale.
    """
    from dataclasses import asdict

    import pandas as pd

    from detector import api
    from detector.uses.compress import Compression
    from detector.uses.pictures import compression_figure

    if bool(places) == bool(variants) or bool(variants) != bool(sizes):
        raise click.UsageError("give --bundle, or --variant and --code-size.")
    check(out, picture)
    table = read(data)
    curves: dict[str, list[Compression]] = {}
    asked = _loaded(places, table.frame) if places else _trained(variants, sizes, backbone, seed, table.frame)
    for name, bundle, frame in asked:
        curves.setdefault(name, []).append(api.compress(bundle, frame, bits, member))
    rows = [{"name": name, **asdict(point)} for name, points in curves.items() for point in points]
    found = pd.DataFrame(rows)
    write(out, found)
    draw(picture, lambda: compression_figure(curves))
    _print(found, as_json)


def _loaded(places: tuple[Path, ...], frame: "pd.DataFrame") -> "Iterator[tuple[str, Bundle, pd.DataFrame]]":
    from detector.bundle import load

    for place in places:
        yield place.name, load(place), frame


def _trained(
    variants: tuple[str, ...], sizes: tuple[int, ...], backbone: str, seed: int, frame: "pd.DataFrame"
) -> "Iterator[tuple[str, Bundle, pd.DataFrame]]":
    from detector import api
    from pipelines.cli.show import progress_bar
    from pipelines.cli.variant import single

    asked = [(variant, single(variant, backbone, size)) for variant in variants for size in sizes]
    ordered = frame.sort_values("timestamp", kind="stable", ignore_index=True)
    learnt = round(LEARNT_RATIO * len(ordered))
    with progress_bar() as progress:
        for number, (variant, config) in enumerate(asked):
            progress("train", number / len(asked))
            yield variant, api.fit(ordered[:learnt], config, seed), ordered[learnt:].reset_index(drop=True)
        progress("train", 1.0)


def _print(found: "pd.DataFrame", as_json: bool) -> None:
    if as_json:
        print(found.to_json(orient="records"))
        return
    from rich.console import Console
    from rich.table import Table

    grid = Table("name", box=None, padding=(0, 1, 0, 0))
    for heading in ("code bits", "entropy bits", "ratio", "error / variance", "signal to noise, dB"):
        grid.add_column(heading, justify="right")
    figures = found[["entropy_bits", "ratio", "error_ratio", "signal_to_noise_db"]].to_numpy()
    for name, bits, row in zip(found.name, found.code_bits, figures, strict=True):
        grid.add_row(name, str(bits), *(f"{figure:.3g}" for figure in row))
    Console().print(grid)
