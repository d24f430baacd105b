"""What one training gave."""

from dataclasses import dataclass, field

from detector.types import Floats, Ints


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What pictures are drawn from; kept of the first training of every entrant.

    Attributes:
        windows: [K, T, F] held-out windows.
        rebuilt: [K, T, F] what was made of them.
        samples: [K, T, F] made-up windows, None where the variant makes none.
        path: [S, T, F] decoded from the codes between the first two windows, ends included.
        map: [N, 2] codes laid out in the plane (UMAP), None where there are too few.
        colour: [N] class of each.
    """

    windows: Floats
    rebuilt: Floats
    samples: Floats | None
    path: Floats
    map: Floats | None
    colour: Ints


@dataclass(frozen=True, slots=True)
class Marks:
    """One training of one entrant, measured; or why there is none.

    Attributes:
        entrant: its name.
        case: what it was trained on.
        seed: of everything random.
        figures: by name; those that do not apply are missing.
        channel_error: [F] held-out squared error of every channel.
        roc: [101] true positive rates.
        precision_recall: [101] precisions.
        history: loss terms per step.
        snapshot: for pictures, None where none was asked for.
        failure: why it could not be trained, empty where it could.
    """

    entrant: str
    case: str
    seed: int
    figures: dict[str, float] = field(default_factory=dict)
    channel_error: dict[str, float] = field(default_factory=dict)
    roc: Floats | None = None
    precision_recall: Floats | None = None
    history: dict[str, list[float]] = field(default_factory=dict)
    snapshot: Snapshot | None = None
    failure: str = ""
