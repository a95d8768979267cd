"""Measurements that the documentation cites: each folder a question, each script a module."""
