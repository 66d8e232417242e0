"""Tests of inference.engine.batch."""
