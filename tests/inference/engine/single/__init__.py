"""Tests of inference.engine.single."""
