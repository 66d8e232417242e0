"""Tests of inference.engine.intake."""
