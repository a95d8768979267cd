"""The functions of all commands, in the order of the work."""

from collections.abc import Callable
from typing import Any

from rsh.cli import (
    data,
    duplicates,
    encode,
    evaluate,
    gallery,
    groups,
    labels,
    search,
    serve,
    train,
)

COMMANDS: dict[str, Callable[..., Any]] = {
    "data fetch": data.data_fetch,
    "data list": data.data_list,
    "data check": data.data_check,
    "data tiles": data.data_tiles,
    "train": train.train,
    "encode": encode.encode,
    "project": encode.project,
    "groups": groups.groups,
    "unusual": groups.unusual,
    "export-onnx": encode.export_onnx,
    "search": search.search,
    "duplicates": duplicates.duplicates,
    "leaks": duplicates.leaks,
    "gallery info": gallery.gallery_info,
    "gallery check": gallery.gallery_check,
    "gallery add": gallery.gallery_add,
    "gallery remove": gallery.gallery_remove,
    "gallery merge": gallery.gallery_merge,
    "gallery index": gallery.gallery_index,
    "gallery export": gallery.gallery_export,
    "labels show": labels.labels_show,
    "labels give": labels.labels_give,
    "labels take": labels.labels_take,
    "labels import": labels.labels_import,
    "labels export": labels.labels_export,
    "labels rename": labels.labels_rename,
    "labels delete": labels.labels_delete,
    "labels undo": labels.labels_undo,
    "labels redo": labels.labels_redo,
    "labels compact": labels.labels_compact,
    "evaluate": evaluate.evaluate,
    "compare": evaluate.compare,
    "dashboard": serve.dashboard,
}
