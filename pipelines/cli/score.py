"""``reconwatch score``: one score per row of a CSV file."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.cli.columns import COLUMNS

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.io.frames import Table

EPILOG = """\b
Example:
  reconwatch score --bundle pump.bundle --data pump.csv --out scores.csv --plot scores.png
  reconwatch score --bundle flows.bundle --data conn.csv --time ts --ignore uid --out scores.csv
"""


@click.command(epilog=EPILOG)
@click.option("--bundle", "place", type=click.Path(path_type=Path), required=True, help="From 'reconwatch train'.")
@click.option("--data", type=click.Path(path_type=Path), required=True, help="CSV or CSV.gz to score.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="CSV to write, one row per row of --data.")
@click.option("--plot", "picture", type=click.Path(path_type=Path), help="PNG to write: channels, score and limit.")
@click.option("--causal", is_flag=True, help="Score every row at once instead of 16 rows later.")
@COLUMNS
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def score(
    place: Path,
    data: Path,
    out: Path,
    picture: Path | None,
    causal: bool,
    time: str,
    ignore: tuple[str, ...],
    as_json: bool,
) -> None:
    """Scores every row with a bundle, as the daemon would.

    Writes timestamp,anomaly_score,is_anomaly,top_channel: 1.0 is the limit, an empty score means that nothing was
    observed. With a column is_anomaly in the data the scores are also compared with it.
    """
    if picture:
        from detector.plots import scores_figure  # first: it may not be installed
    from detector import api
    from detector.bundle import load
    from pipelines.cli.files import check_writable, write_whole
    from pipelines.cli.show import note, progress_bar, result
    from pipelines.io.frames import Layout, read_table

    for target in filter(None, (out, picture)):
        check_writable(target)
    bundle = load(place)
    table = read_table(data, Layout(time, ignore, tuple(bundle.detector.schema.categories)))
    for sentence in table.notes:
        note(sentence)
    delay = 0 if causal else api.best_delay(bundle)
    with progress_bar() as progress:
        scores = api.score(bundle, table.frame, delay, progress=progress)
    shown = scores.assign(is_anomaly=scores.is_anomaly.astype(int))
    shown.insert(0, "timestamp", table.stamps)
    write_whole(out, lambda path: shown.to_csv(path, index=False))
    if picture:
        frame = table.frame if table.labels is None else table.frame.assign(is_anomaly=table.labels)
        figure = scores_figure(frame, scores, bundle.detector.schema)
        write_whole(picture, lambda path: figure.savefig(path, format="png"))
    result(
        {
            "scores": str(out),
            "rows": len(scores),
            "anomalous_rows": int(scores.is_anomaly.sum()),
            "delay_rows": delay,
            **_against_labels(table, scores),
        },
        as_json,
    )


def _against_labels(table: "Table", scores: "pd.DataFrame") -> dict[str, Any]:
    if table.labels is None or not table.labels.any():
        return {}
    try:
        from detector.evaluation.auc import auc_pr, auc_roc
        from detector.evaluation.vus import period, vus_pr
    except ModuleNotFoundError as error:
        from pipelines.cli.show import note

        note(f"comparing with is_anomaly needs {error.name}: pip install 'reconwatch[train]'.")
        return {}

    values = scores.anomaly_score.to_numpy()
    first = table.frame.iloc[:, 1].to_numpy()
    return {
        "vus_pr": float(vus_pr(table.labels, values, period(first))),
        "auc_pr": float(auc_pr(table.labels, values)),
        "auc_roc": float(auc_roc(table.labels, values)),
    }
