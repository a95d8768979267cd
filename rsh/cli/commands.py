"""The functions of all commands, in the order of the work."""

from collections.abc import Callable
from typing import Any

from rsh.cli import data, encode, evaluate, gallery, learn, search, serve, train

COMMANDS: dict[str, Callable[..., Any]] = {
    "data fetch": data.data_fetch,
    "data list": data.data_list,
    "data check": data.data_check,
    "data tiles": data.data_tiles,
    "train": train.train,
    "encode": encode.encode,
    "project": encode.project,
    "export-onnx": encode.export_onnx,
    "search": search.search,
    "suggest": learn.suggest,
    "classify": learn.classify,
    "learn": learn.learn,
    "gallery info": gallery.gallery_info,
    "gallery check": gallery.gallery_check,
    "gallery add": gallery.gallery_add,
    "gallery remove": gallery.gallery_remove,
    "gallery merge": gallery.gallery_merge,
    "gallery index": gallery.gallery_index,
    "evaluate": evaluate.evaluate,
    "compare": evaluate.compare,
    "dashboard": serve.dashboard,
}
