"""Fault injection: kills, full disks, damaged files, bad servers."""
