"""Run folder: the output of a training.

model.safetensors   all weights
config.json         settings, data and weights fingerprints, seed, git revision, versions
history.jsonl       one line per epoch
last.ckpt           checkpoint for resuming

A checksum protects config.json, except for the path to the data, which may be edited if the data
moves.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar

import safetensors
from safetensors.torch import load_file, save

from rsh.config import TrainConfig, Weights, check_number
from rsh.data.bands import NO_BANDS, BandOptions, Bands
from rsh.data.dataset import Dataset, Split
from rsh.data.embeddings import DEFAULT_COLUMNS, ColumnOptions, Embeddings
from rsh.data.open import holds_embeddings, open_dataset
from rsh.data.rendering import AS_IS, Rendering
from rsh.data.sample import SAMPLE, sample_path
from rsh.data.tile_grid import DEFAULT_TILING, TilingOptions
from rsh.data.tiles import TileDataset
from rsh.errors import InputError
from rsh.io.files import (
    atomic_write,
    check_writable,
    exclusive_lock,
    explain_os_error,
    read_json,
    recovery_hint,
    write_json,
)
from rsh.io.provenance import environment
from rsh.io.schema import check_object, from_json
from rsh.models.hashnet import HashNet, fingerprint
from rsh.models.weights import load_state

LOCK = ".lock"
TEMPORARY = re.compile(r"\.(model\.safetensors|config\.json|history\.jsonl|last\.ckpt)\..+")

KINDS: dict[str, dict[str, type]] = {  # of what is in config.json
    "model": {
        "backbone": str,
        "num_bits": int,
        "look_bits": int,
        "image_size": int,
        "hidden": int,
        "feature_dim": int,
        "tta": int,
        "feature_stages": int,
        "bands": list,
        "units": list,
    },
    "data": {
        "source": str,
        "fingerprint": str,
        "tiles": int,
        "skip_unreadable": bool,
        "labels": str,
    },
    "split": {
        "by": str,
        "query": float,
        "val": float,
        "seed": int,
        "near_duplicates": bool,
        "unseen": float,
    },
    "train": {field.name: object for field in fields(TrainConfig)},
}
Noted = TypeVar("Noted")
WIDEST = 8192  # of a layer: two of this width need 270 MB


@dataclass(frozen=True)
class Run:
    """A run folder.

    Attributes:
        folder: its path.
        config: the contents of config.json: model, data, split, train, fingerprint, ...
    """

    folder: Path
    config: dict[str, Any]

    @classmethod
    def open(cls, folder: str | Path) -> "Run":
        """Read a run folder.

        Raises:
            InputError: it is not a run folder.
        """
        folder = Path(folder)
        config = read_json(folder / "config.json", what="run")
        _check_config(config, folder / "config.json")
        return cls(folder, config)

    @property
    def rendering(self) -> Rendering:
        """How the rasters of the training became 8-bit RGB."""
        return self._read_noted(Rendering, "rendering")

    @property
    def tiling(self) -> TilingOptions:
        """How the scenes of the training were cut; of other images, the crs of their places."""
        return self._read_noted(TilingOptions, "tiling")

    @property
    def weights(self) -> Weights:
        """Which weights the backbone began with."""
        return "random" if self.config.get("weights") == "random" else "pretrained"

    @property
    def bands(self) -> Bands:
        """What the network sees; `rsh.data.bands.IMAGE` for images and embeddings."""
        model = self.config["model"]
        return Bands(tuple(model.get("bands", ())), tuple(model.get("units", ())))

    @property
    def band_options(self) -> BandOptions:
        """How the bands of the training's rasters were read."""
        return self._read_noted(BandOptions, "bands")

    @property
    def columns(self) -> ColumnOptions:
        """Which columns of the training's embeddings held what."""
        return self._read_noted(ColumnOptions, "columns")

    def _read_noted(self, kind: type[Noted], name: str) -> Noted:
        """Return what config.json notes of the data, or the defaults if it notes nothing."""
        where = f"'data' in {self.folder / 'config.json'}"
        return from_json(kind, self.config["data"].get(name, {}), where=where, what="run")

    def net(self) -> HashNet:
        """Load the trained network, in evaluation mode.

        Raises:
            InputError: the weights are missing, truncated or altered.
        """
        file = self.folder / "model.safetensors"
        if not file.exists() or "fingerprint" not in self.config:
            raise InputError(
                f"{self.folder} has no weights yet: "
                f"finish it with `rsh train --resume {self.folder}`"
            )
        net = self._untrained()
        try:
            state = load_file(file)
            if not any(name.startswith("image_center.") for name in state):
                net.image_center = None  # trained before texts could be queries
            load_state(net, state)
        except (safetensors.SafetensorError, ValueError, OSError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"{file} cannot be used ({reason}): train again") from None
        if fingerprint(net) != self.config["fingerprint"]:
            raise InputError(f"{file} was altered since training: train again, or restore a copy")
        self.check()
        net.weights = self.weights
        return net.eval()

    def check(self) -> None:
        """Refuse altered settings.

        Raises:
            InputError: the settings were altered since the training began.
        """
        if self.config.get("checksum", checksum(self.config)) != checksum(self.config):
            raise InputError(
                f"{self.folder}/config.json was altered since the training began: "
                f"{recovery_hint('run')}"
            )

    def _untrained(self) -> HashNet:
        try:
            return HashNet(**self.config["model"], pretrained=False)
        except InputError as error:
            raise InputError(
                f"{self.folder}/config.json describes no network ({error}): {recovery_hint('run')}"
            ) from None

    def split(self, data: str | None = None) -> Split:
        """Open the data of the training, with the same split.

        Args:
            data: its path; None takes the path in config.json.

        Raises:
            InputError: the data is missing, or its content has changed.
        """
        noted = self.config["data"]
        dataset = open_dataset(
            data or noted["source"],
            skip_unreadable=noted["skip_unreadable"],
            tiling=self.tiling,
            like=self.rendering,
            labels=noted["labels"],
            columns=self.columns,
            bands=self.band_options,
            like_bands=self.bands,
        )
        if not self.knows(dataset):
            raise InputError(
                f"{dataset.path} is not the data that {self.folder} was trained on "
                f"({noted['tiles']} tiles): name it with --data"
            )
        return self.cut(dataset)

    def cut(self, dataset: Dataset) -> Split:
        """Return the split of the training, for a data set with its tiles.

        Raises:
            InputError: the installed versions give another split.
        """
        split = dataset.split(**self.config["split"])
        if split.fingerprint != self.config["split_fingerprint"]:
            raise InputError(
                f"{dataset.name} is no longer split as {self.folder} was trained, so queries would "
                "be tiles it has seen: install the versions in its config.json, or train again"
            )
        return split

    def count_queries(self, split: Split) -> int:
        """Return how many tiles cannot be judged fairly by a network that goes on from this run.

        These are training tiles with the content of a query or an unseen tile of this run, and
        unseen tiles that this run has learned from. 0 if its data are gone, or have changed.
        """
        try:
            mine = self.split()
        except InputError:
            return 0
        digests = mine.dataset.digests
        held_out, learned = (
            {digests[row] for row in mine.rows(*names)} - {b""}
            for names in (("query", "unseen"), ("train", "val"))
        )
        pairs = ((held_out, split.rows("train", "val")), (learned, split.rows("unseen")))
        return sum(split.dataset.digests[row] in known for known, rows in pairs for row in rows)

    def dataset(
        self,
        data: str | None = None,
        *,
        skip_unreadable: bool = False,
        tiling: TilingOptions = DEFAULT_TILING,
        rendering: Rendering = AS_IS,
        columns: ColumnOptions = DEFAULT_COLUMNS,
        bands: BandOptions = NO_BANDS,
    ) -> Dataset:
        """Open tiles to encode; tiles of the training keep their splits at any path.

        Args:
            data: path to other tiles, or to those of the training if they have moved.
            skip_unreadable: whether images that cannot be read are skipped.
            tiling: how scenes are cut into tiles.
            rendering: how rasters become 8-bit RGB, if not as in the training.
            columns: of embeddings, which hold what, if not as in the training.
            bands: scale, offset and unit of the bands that the network takes; those of other data
                than the training's are not the training's.

        Raises:
            InputError: the data cannot be opened, or is no longer that of the training.
        """
        noted, usual = self.config["data"], columns == DEFAULT_COLUMNS
        usual = usual and tiling == DEFAULT_TILING and bands == NO_BANDS
        if data is None and rendering == AS_IS and usual:
            return self.split().dataset
        where = data or noted["source"]
        vectors = holds_embeddings(where)
        if vectors:
            columns = replace(columns, crs=columns.crs or tiling.crs).over(self.columns)
        elif data is None:  # other images may lie in another coordinate system
            tiling = self.tiling if tiling == DEFAULT_TILING else tiling
            tiling = replace(tiling, crs=tiling.crs or self.tiling.crs)
        if data is None and bands == NO_BANDS:
            bands = self.band_options
        dataset = open_dataset(
            where,
            skip_unreadable=skip_unreadable and vectors,
            tiling=replace(tiling, crs="") if vectors else tiling,
            rendering=rendering,
            like=self.rendering.rescaled(*self.band_options.convert_to(bands)),
            columns=columns,
            bands=bands,
            like_bands=self.bands,
        )
        # trying to read all files is worthwhile only for about as many files as the training had
        few = len(dataset) < 2 * noted["tiles"]
        if (
            skip_unreadable
            and noted["skip_unreadable"]
            and few
            and isinstance(dataset, TileDataset)
        ):
            dataset = dataset.drop_unreadable()
        if noted["labels"] != dataset.label_source:
            with suppress(InputError):  # other tiles may have no several labels
                labeled = dataset.labeled_by(noted["labels"])
                dataset = labeled if self.knows(labeled) else dataset
        known = self.knows(dataset)
        if vectors and data is None and not known:
            raise InputError(
                f"with these columns {dataset.path} is not what {self.folder} was trained on: "
                "leave them out, or name other data"
            )
        return self.cut(dataset).dataset if known else dataset

    def knows(self, dataset: Dataset) -> bool:
        """Whether these are the tiles of the training, at any path."""
        noted = self.config["data"]
        if len(dataset) != noted["tiles"]:
            return False  # decided without reading every image
        same: bool = dataset.fingerprint == noted["fingerprint"]
        return same


def _check_config(config: dict[str, Any], file: Path) -> None:
    """Refuse a config.json that was altered so that nothing can be made of it."""
    whole: dict[str, type] = {**dict.fromkeys(KINDS, dict), "split_fingerprint": str}
    check_object(config, whole, where=str(file), what="run")
    for part, kinds in KINDS.items():
        where = f"{part!r} in {file}"
        exact, optional = part != "data", ("near_duplicates", "unseen", "bands", "units")
        check_object(config[part], kinds, where=where, what="run", exact=exact, optional=optional)
    try:
        for name in ("hidden", "feature_dim"):
            check_number(name, config["model"][name], 1, WIDEST)
        TrainConfig(**config["train"])
    except InputError as error:
        raise InputError(f"{file} cannot be used ({error}): {recovery_hint('run')}") from None


def checksum(config: dict[str, Any]) -> str:
    """Return a sha256 over config.json as written at the start, without `source`."""
    begun = {name: config[name] for name in config if name not in ("checksum", "fingerprint")}
    if "data" in begun:
        begun["data"] = {name: begun["data"][name] for name in begun["data"] if name != "source"}
    return hashlib.sha256(json.dumps(begun, sort_keys=True).encode()).hexdigest()


def describe(split: Split) -> dict[str, Any]:
    """Return the entries of config.json that describe data and split."""
    dataset = split.dataset
    is_sample = dataset.path == sample_path()
    data = {
        "source": SAMPLE if is_sample else str(dataset.path.resolve()),
        "name": dataset.name,
        "fingerprint": dataset.fingerprint,
        "tiles": len(dataset),
        "classes": dataset.label_names,
        "skip_unreadable": dataset.skip_unreadable,
        "labels": dataset.label_source,
        "rendering": asdict(dataset.rendering),
    }
    if dataset.bands:
        data["bands"] = asdict(dataset.band_options)
    if isinstance(dataset, Embeddings):
        data["columns"] = asdict(dataset.columns)
    elif isinstance(dataset, TileDataset) and dataset.tiling != DEFAULT_TILING:
        data["tiling"] = asdict(dataset.tiling)
    return {"data": data, "split": split.how, "split_fingerprint": split.fingerprint}


def check_new_run(folder: Path) -> None:
    """Refuse a folder that is not empty or cannot be written.

    Raises:
        InputError: the folder contains files, or cannot be created.
    """
    check_writable(folder)
    if folder.is_dir() and any(
        path.name != LOCK and not _is_temporary(path) for path in folder.iterdir()
    ):
        is_run = (folder / "config.json").exists()
        hint = f"go on with `rsh train --resume {folder}`, or " if is_run else ""
        raise InputError(f"{folder} is not empty: {hint}give another --output")


def start_run(folder: Path, config: dict[str, Any]) -> None:
    """Create the run folder and write config.json, with the environment.

    Raises:
        InputError: the folder is not new, or cannot be written.
    """
    check_new_run(folder)
    whole = config | {"environment": environment()}
    write_json(folder / "config.json", whole | {"checksum": checksum(whole)})


@contextmanager
def training_into(folder: Path | None, new: dict[str, Any] | None) -> Iterator[None]:
    """Lock a run folder for training.

    Args:
        folder: the run folder; None if the training writes nothing.
        new: config.json of a new run, see `start_run`; None to resume a run.

    Raises:
        InputError: another process trains into it, it is not new, or it cannot be written.
    """
    if folder is None:
        yield
        return
    with explain_os_error(folder):
        folder.mkdir(parents=True, exist_ok=True)
    busy = f"{folder} is being trained into by another process: wait for it"
    with exclusive_lock(folder / LOCK, busy=f"{busy}, or give another --output"):
        try:
            for file in filter(_is_temporary, folder.iterdir()):
                file.unlink()
            if new:
                start_run(folder, new)
            yield
        finally:
            if not (folder / "config.json").exists():
                (folder / LOCK).unlink(missing_ok=True)
                with suppress(OSError):  # it is not empty
                    folder.rmdir()


def _is_temporary(file: Path) -> bool:
    """Whether this is a temporary file of a killed training."""
    return bool(TEMPORARY.fullmatch(file.name))


def finish_run(folder: Path, net: HashNet) -> None:
    """Write the weights, and add their fingerprint to config.json."""
    with atomic_write(folder / "model.safetensors") as stream:
        stream.write(save({name: value.contiguous() for name, value in net.state_dict().items()}))
    config = read_json(folder / "config.json", what="run")
    write_json(folder / "config.json", config | {"fingerprint": fingerprint(net)})
