"""``reconwatch sample``: windows made up by a generative autoencoder."""

from pathlib import Path

import click

from pipelines.cli.series import BUNDLE, JSON, MEMBER, OUT, PLOT, check, draw, options, write

EPILOG = """\b
Example:
  reconwatch train --data pump.csv --variant vae --out vae.bundle
  reconwatch sample --bundle vae.bundle --count 100 --seed 7 --out made.csv --plot made.png
"""


@click.command(epilog=EPILOG)
@options(
    BUNDLE,
    OUT,
    click.option("--count", type=click.IntRange(min=1), default=10, show_default=True, help="Windows to make."),
    click.option("--seed", type=int, default=0, show_default=True, help="The same seed gives the same windows."),
    MEMBER,
    PLOT,
    JSON,
)
def sample(
    place: Path, out: Path, count: int, seed: int, member: str | None, picture: Path | None, as_json: bool
) -> None:
    """Makes up windows that look like the training data.

    Writes window, row and the channels in their own units, one window below the other. The variant must know how its
    codes are distributed: vae, beta_vae, conditional_vae, vq_vae, adversarial, rae or wae_mmd.
    """
    from detector import api
    from detector.bundle import load
    from detector.uses.pictures import windows_figure
    from pipelines.cli.show import result

    check(out, picture)
    bundle = load(place)
    made = api.sample(bundle, count, seed, member)
    write(out, made)
    rows = int(made.row.max()) + 1
    detector = bundle.detector
    real = list(detector.scaler.inverse(bundle.golden.windows[:, -rows:, : detector.channels]))
    draw(picture, lambda: windows_figure(made, detector.schema, real))
    result({"windows": str(out), "count": count, "rows_of_each": rows, "seed": seed}, as_json)
