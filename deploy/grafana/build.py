"""Writes the boards as JSON: ``python -m deploy.grafana.build deploy/grafana/dashboards``."""

import sys
from pathlib import Path
from types import ModuleType

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, VariableRefresh

from deploy.grafana import detector, fleet, service
from deploy.grafana.panels import SOURCE, built

BOARDS = (fleet, detector, service)
VARIABLES = {
    "detector": "label_values(reconwatch_model_info, detector)",
    "series": 'label_values(reconwatch_series_score_ratio{detector=~"$detector"}, series)',
    "instance": "label_values(reconwatch_series_active, instance)",
}


def board(module: ModuleType) -> str:
    """Returns a board as JSON."""
    made = dashboard.Dashboard(module.TITLE).uid(module.UID).tags(["reconwatch"]).readonly()
    made.refresh("30s").time("now-6h", "now").tooltip(DashboardCursorSync.CROSSHAIR)
    made.with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    for name in module.VARIABLES:
        variable = dashboard.QueryVariable(name).label(name.capitalize()).query(VARIABLES[name]).datasource(SOURCE)
        variable.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).multi(True).include_all(True).all_value(".*")
        made.with_variable(variable.current({"text": "All", "value": "$__all"}))
    for title, panels in module.ROWS.items():
        made.with_row(dashboard.Row(title))
        for panel in panels:
            made.with_panel(built(panel))
    return JSONEncoder(sort_keys=True, indent=1).encode(made.build()) + "\n"


if __name__ == "__main__":
    for module in BOARDS:
        name = module.__name__.rpartition(".")[2]
        (Path(sys.argv[1]) / f"{name}.json").write_text(board(module))
