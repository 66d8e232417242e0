"""Tests of inference.engine.devices."""
