"""Tests of inference.engine.models."""
