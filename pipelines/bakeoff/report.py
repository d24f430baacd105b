"""The page of a bake-off: one HTML file without anything outside it."""

from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files
from itertools import count
from string import Template

from matplotlib.figure import Figure

from pipelines.bakeoff import mosaics, pictures
from pipelines.bakeoff.cases import Case
from pipelines.bakeoff.config import BakeoffConfig
from pipelines.bakeoff.contest import runs
from pipelines.bakeoff.exam import BLUR_RATIO, NOISE_RATIO, budget
from pipelines.bakeoff.figures import FIGURES, HEADLINE, SECTIONS, Section
from pipelines.bakeoff.marks import Marks, Snapshot
from pipelines.bakeoff.orderings import findings
from pipelines.bakeoff.summary import grouped, summary
from pipelines.bakeoff.tables import cases_rows, orderings_table, section_table, shown
from pipelines.page import png, style, svg

TOLD: dict[Section, str] = {
    "reconstruction": "Squared error on held-out windows, in all and of every channel; error of what is put where a "
    "quarter of one channel is hidden (it begins as the last value seen); how much of added noise "
    f"({NOISE_RATIO:g} deviations) is taken away.",
    "sampling": "Variants with a distribution over codes. Discriminative score: how well a forest tells made-up from "
    f"real windows, both under noise of {BLUR_RATIO:g} deviations; 0 cannot, 0.5 always can. Distances of mean "
    "autocorrelation and of the share of power per frequency; 0 is equal.",
    "interpolation": "Distance of windows decoded from the middle between two codes to the nearest real window, over "
    "that between real windows; 1 is ideal. The first row of the picture mixes the windows themselves.",
    "latent": "Whether the 15 nearest codes belong to near windows; 1 is perfect, .5 is chance. The maps (UMAP) are of "
    "one training; colours are classes.",
    "anomaly": "Mean squared error of a window as its score; PCA, the window's norm and untrained networks stand "
    "beside. Event recall and false alarms are those at the limit of a stated budget: {budget}.",
    "probe": "Accuracy of a converged logistic regression on frozen codes: {classes}. Raw windows and PCA beside.",
    "cost": "Seconds and latency of this run on this machine, one thread; a worker shares it with the others.",
}


class Report:
    """Puts the page together.

    Args:
        config: what was compared.
        cases: on what.
        marks: every training.
    """

    def __init__(self, config: BakeoffConfig, cases: Sequence[Case], marks: Sequence[Marks]) -> None:
        self._config, self._cases, self._marks = config, cases, marks
        self._summary, self._groups = summary(marks), grouped(marks)
        self._numbers = count()

    def page(self) -> str:
        """Returns the page."""
        config = self._config
        template = Template(files("pipelines.bakeoff").joinpath("report.html").read_text(encoding="utf-8"))
        what = "handwritten digits" if config.dataset else ", ".join(case.name for case in self._cases)
        trainings = len(runs(config))
        return template.substitute(
            style=style(),
            title=f"{len(config.variants)} autoencoders on {' and '.join(config.backbones)}: {escape(what)}",
            setting=f"Every model was trained {trainings} times, {config.steps} steps each: {len(self._cases)} cases, "
            f"{len({seed for _, seed in runs(config)})} seeds. Figures are means over seeds, ± half of their 95% "
            "interval (Student): how sure the mean on this very data is. Bold: best of its column.",
            tiles="".join(self._tiles()),
            failures="".join(self._failures()),
            sections="\n".join(self._section(section) for section in SECTIONS),
            orderings=self._orderings(),
            cases=cases_rows(self._cases),
            settings=escape(config.model_dump_json(indent=1)),
        )

    def _tiles(self) -> Iterator[str]:
        for section in ("reconstruction", "sampling", "anomaly", "probe"):
            name = HEADLINE[section]
            values = {
                entrant: means[name].value * (1 if FIGURES[name].better == "more" else -1)
                for entrant, means in self._summary.items()
                if name in means
            }
            if values:
                best = max(values, key=lambda entrant: values[entrant])
                label = "probe, 100 labels" if section == "probe" else FIGURES[name].label
                told = f"best {label}: {shown(abs(values[best]))}"
                yield f'<div class="tile"><b>{escape(best)}</b><span class="muted">{told}</span></div>'

    def _failures(self) -> Iterator[str]:
        for one in self._marks:
            if one.failure:
                yield f'<p class="missed">{escape(one.entrant)}, {escape(one.case)}: {escape(one.failure)}</p>'

    def _section(self, section: Section) -> str:
        case = self._cases[0]
        told = TOLD[section].format(budget=budget(case), classes=case.classes)
        parts = [f"<h2>{SECTIONS[section]}</h2>", f'<p class="muted">{escape(told)}</p>']
        if section in HEADLINE and any(HEADLINE[section] in means for means in self._summary.values()):
            parts.append(self._drawn(self._bars(HEADLINE[section])))
        parts += self._extras(section)
        parts.append(f'<div class="card">{section_table(self._summary, section)}</div>')
        return "\n".join(parts)

    def _extras(self, section: Section) -> Iterator[str]:
        variants, backbones = self._config.variants, self._config.backbones
        if section == "reconstruction":
            told = "held-out error of every channel"
            yield f'<div class="card">{png(pictures.channels(self._groups, variants, backbones), told)}</div>'
        elif section == "anomaly":
            yield self._drawn(pictures.curves(self._groups, variants, backbones))
        elif section == "probe":
            yield self._drawn(pictures.probes(self._summary, variants, backbones))
        drawn = [found for backbone in backbones if (found := self._of_backbone(section, backbone))]
        if drawn:
            yield f'<div class="card"><div class="row">{"".join(drawn)}</div></div>'

    def _of_backbone(self, section: Section, backbone: str) -> str:
        snapshots = self._snapshots(backbone)
        if not snapshots or section not in ("reconstruction", "sampling", "interpolation", "latent"):
            return ""
        images = not self._cases[0].ordered
        figure = {
            "reconstruction": lambda: mosaics.reconstructions(snapshots, images),
            "sampling": lambda: mosaics.samples(snapshots, images),
            "interpolation": lambda: mosaics.paths(snapshots, images),
            "latent": lambda: mosaics.maps(snapshots),
        }[section]()
        if figure is None:
            return ""
        told = f"{SECTIONS[section][3:]}, {backbone}"
        return f"<figure>{png(figure, told)}<figcaption>{backbone}</figcaption></figure>"

    def _snapshots(self, backbone: str) -> dict[str, Snapshot]:
        found = {}
        for variant in self._config.variants:
            for one in self._groups.get(f"{variant}-{backbone}", []):
                if one.snapshot:
                    found[variant] = one.snapshot
        return found

    def _bars(self, name: str) -> Figure:
        return pictures.bars(self._summary, self._config.variants, self._config.backbones, name)

    def _drawn(self, figure: Figure) -> str:
        return f'<div class="card">{svg(figure, next(self._numbers))}</div>'

    def _orderings(self) -> str:
        found = list(findings(self._marks, self._config.backbones))
        if not found:
            return ""
        told = (
            "Paired by seed. It holds, or is reversed, where the 95% interval leaves no doubt. Scores are squared: "
            "a signed sum of residuals puts shallow ahead of deep; and a probe that is stopped early reads least from "
            "sparse codes."
        )
        table = orderings_table(found)
        return f'<h2>Known orderings</h2><p class="muted">{told}</p><div class="card">{table}</div>'
