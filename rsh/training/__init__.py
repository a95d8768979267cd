"""Trains a network: batches, cached features, the loop, checkpoints and the run folder."""
