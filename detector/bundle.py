"""The bundle: one directory that holds a whole detector, frozen, checked and free of pickle.

``manifest.json`` (configuration, schema, data facts, SHA-256 of the other files and of itself), ``weights.safetensors``
(every fitted number), ``engine-N.onnx`` (the network of member N as the daemon runs it; ``engine-N-newest.onnx`` gives
the newest rows of its output alone) and ``golden.safetensors`` (fixed windows with their scores, scored again on
loading).
"""

import hashlib
import json
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from detector.engines.base import NEWEST, WHOLE
from detector.engines.onnx import of_tensors
from detector.errors import BundleError, SinkUnavailable
from detector.members.base import Rows, spread
from detector.members.detector import Detector, Fusion
from detector.members.recipe import Recipe
from detector.types import Floats, WindowBatch
from detector.windows.gather import in_rows
from detector.windows.scale import RowScaler
from detector.windows.schema import Schema

FORMAT = 2
GOLDEN_WINDOWS = 16
GOLDEN_TOLERANCE = 1e-3

_MANIFEST, _WEIGHTS, _GOLDEN = "manifest.json", "weights.safetensors", "golden.safetensors"
_GRAPH = re.compile(r"engine-(\d{1,4})(|-newest)\.onnx")
_DICT = TypeAdapter(dict[str, Any])


@dataclass(frozen=True, slots=True)
class Golden:
    """Windows of held-out rows and what the detector says of them.

    Attributes:
        windows: [G, T, F] float32.
        scores: [G] float64.
    """

    windows: Floats
    scores: Floats


@dataclass(frozen=True, slots=True)
class Bundle:
    """A detector and where it comes from.

    Attributes:
        detector: what scores.
        config: members as they were fitted.
        seed: of the training.
        facts: of the training data (rows, runs, first and last time) and of the training.
        golden: fixed windows with their scores.
    """

    detector: Detector
    config: Recipe
    seed: int
    facts: dict[str, Any]
    golden: Golden

    @property
    def version(self) -> str:
        """Twelve hex digits over everything fitted: two bundles of the same version score alike."""
        return hashlib.sha256(self._weights()).hexdigest()[:12]

    def save(self, path: Path) -> None:
        """Writes the bundle, whole or not at all; an older bundle of that name is replaced.

        Raises:
            BundleError: the place holds something that is no bundle.
            SinkUnavailable: the place cannot be written.
        """
        check_free(path)
        files = {_WEIGHTS: self._weights(), _GOLDEN: save_tensors(_arrays(self.golden)), **self._graphs()}
        files[_MANIFEST] = _json(_sealed(self._manifest(files)))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
            try:
                for name, content in files.items():
                    (fresh / name).write_bytes(content)
                fresh.chmod(0o755)
                _swap(fresh, path)
            finally:
                shutil.rmtree(fresh, ignore_errors=True)
        except OSError as error:
            raise SinkUnavailable(f"cannot write the bundle {path}: {error.strerror}; choose another place.") from error

    def _weights(self) -> bytes:
        tensors = {f"scaler/{name}": tensor for name, tensor in self.detector.scaler.tensors().items()}
        tensors |= {f"fusion/{name}": tensor for name, tensor in _arrays(self.detector.fusion).items()}
        tensors |= {f"held_out/{i:04d}": scores for i, scores in enumerate(self.detector.held_out)}
        tensors["band"] = self.detector.band
        for member in self.detector.members:
            numbers = {name: tensor for name, tensor in member.tensors().items() if name not in (WHOLE, NEWEST)}
            tensors |= {f"member/{member.name}/{name}": tensor for name, tensor in numbers.items()}
        return save_tensors({name: np.ascontiguousarray(tensors[name]) for name in sorted(tensors)})

    def _graphs(self) -> dict[str, bytes]:
        return {
            f"engine-{i}{name.removeprefix(WHOLE)}.onnx": graph
            for i, member in enumerate(self.detector.members)
            for name, graph in of_tensors(member.tensors()).items()
        }

    def _manifest(self, files: dict[str, bytes]) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "version": self.version,
            "schema": self.detector.schema.model_dump(mode="json"),
            "schema_hash": self.detector.schema.hash,
            "detector": self.config.model_dump(mode="json"),
            "engines": {member.name: member.runs_on for member in self.detector.members if member.runs_on},
            "seed": self.seed,
            "data": self.facts,
            "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        }


def check_free(path: Path) -> None:
    """Refuses a place for a bundle that holds something else.

    Raises:
        BundleError: it does.
    """
    if path.exists() and not (path / _MANIFEST).is_file():
        raise BundleError(f"{path} exists and is not a bundle; choose another place or remove it.")


def golden(detector: Detector, held_out: list[Rows]) -> Golden:
    """Picks windows evenly from held-out rows and scores them."""
    windows = spread(held_out, detector.window, GOLDEN_WINDOWS)
    return Golden(windows, _score(detector, windows))


def load(path: Path) -> Bundle:
    """Reads a bundle and proves it: format, hashes, finite weights, and the golden windows scored again.

    Raises:
        BundleError: the bundle is missing, damaged, changed since it was written, or of another version.
    """
    if not (path / _MANIFEST).is_file():
        raise BundleError(f"{path} is not a bundle: it has no {_MANIFEST}; make one with 'reconwatch train'.")
    try:
        manifest = _DICT.validate_json((path / _MANIFEST).read_bytes())
        graphs = [name for name in _DICT.validate_python(manifest.get("sha256", {})) if _GRAPH.fullmatch(name)]
        files = {name: (path / name).read_bytes() for name in (_WEIGHTS, _GOLDEN, *graphs)}
    except (ValidationError, OSError) as error:
        raise BundleError(f"the bundle {path} is damaged: {_reason(error)}; restore or retrain it.") from error
    if manifest.get("format") != FORMAT:
        raise BundleError(
            f"the bundle {path} has format {manifest.get('format')!r}, this reconwatch reads format {FORMAT}; "
            "train it again with this version."
        )
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    if manifest != _sealed(manifest) or manifest.get("sha256") != hashes:
        raise BundleError(
            f"the bundle {path} was changed after it was written (checksums differ); restore or retrain it."
        )
    try:
        bundle = _restored(
            manifest, load_tensors(files.pop(_WEIGHTS)), Golden(**load_tensors(files.pop(_GOLDEN))), files
        )
        _prove(bundle, path)
    except (ValidationError, SafetensorError, LookupError, ValueError, TypeError, RuntimeError) as error:
        raise BundleError(f"the bundle {path} is damaged: {_reason(error)}; restore or retrain it.") from error
    return bundle


def _restored(
    manifest: dict[str, Any], tensors: dict[str, Floats], windows: Golden, graphs: dict[str, bytes]
) -> Bundle:
    for name, tensor in tensors.items():
        # A band or a held-out score may be missing: nothing was expected, or nothing observed.
        told = name == "band" or name.startswith("held_out/")
        if not told and np.issubdtype(tensor.dtype, np.floating) and not np.isfinite(tensor).all():
            raise ValueError(f"{name} holds NaN or infinite weights")
    schema, config = Schema(**manifest["schema"]), Recipe(**manifest["detector"])
    for file, graph in graphs.items():
        place = _GRAPH.fullmatch(file)
        assert place  # or it would not have been read
        name = f"member/{config.members[int(place[1])].name}/{WHOLE}{place[2]}"
        tensors[name] = np.frombuffer(graph, np.uint8)
    members = tuple(m.restore(_under(tensors, f"member/{m.name}/"), len(schema.channels)) for m in config.members)
    detector = Detector(
        schema,
        RowScaler.from_tensors(_under(tensors, "scaler/")),
        members,
        Fusion(**_under(tensors, "fusion/")),
        tensors["band"],
        tuple(_under(tensors, "held_out/").values()),
    )
    return Bundle(detector, config, manifest["seed"], manifest["data"], windows)


def _prove(bundle: Bundle, path: Path) -> None:
    found = _score(bundle.detector, bundle.golden.windows)
    if not np.allclose(found, bundle.golden.scores, rtol=GOLDEN_TOLERANCE, atol=GOLDEN_TOLERANCE):
        worst = float(np.abs(found - bundle.golden.scores).max())
        raise BundleError(
            f"the bundle {path} does not score its golden windows as it did when it was trained (off by {worst:.3g}); "
            "retrain it with the libraries installed here."
        )


def _score(detector: Detector, windows: Floats) -> Floats:
    rows = np.arange(len(windows))
    full = np.full(len(windows), detector.window, np.int32)
    batch = WindowBatch(rows.astype(np.int32), rows, *in_rows(windows), full, rows, np.full(len(windows), -1), rows)
    return detector.fuse(batch, detector.holds(len(windows)))[0]


def _sealed(manifest: dict[str, Any]) -> dict[str, Any]:
    bare = {name: value for name, value in manifest.items() if name != "seal"}
    return bare | {"seal": hashlib.sha256(_json(bare)).hexdigest()}


def _json(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=2, sort_keys=True) + "\n").encode()


def _arrays(fitted: Golden | Fusion) -> dict[str, Floats]:
    return {name: np.ascontiguousarray(getattr(fitted, name)) for name in fitted.__slots__}


def _under(tensors: dict[str, Floats], prefix: str) -> dict[str, Floats]:
    return {name.removeprefix(prefix): tensors[name] for name in sorted(tensors) if name.startswith(prefix)}


def _swap(fresh: Path, path: Path) -> None:
    if not path.exists():
        os.replace(fresh, path)
        return
    old = fresh.with_name(fresh.name + ".old")
    os.replace(path, old)
    os.replace(fresh, path)
    shutil.rmtree(old)


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc'])) or 'manifest'}: {first['msg']}"
    return str(error)
