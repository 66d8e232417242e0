"""Tests of inference.engine.process."""
