"""Networks: backbones, the hash network, augmentation, losses and ONNX."""
