"""Binary codes: packing, encodings, asymmetric scores and the order of tiles."""
