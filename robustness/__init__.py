"""Tests by fault injection, fuzzing and mutation, which run too long for the test suite."""
