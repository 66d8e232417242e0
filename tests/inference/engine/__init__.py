"""Tests of inference.engine."""
