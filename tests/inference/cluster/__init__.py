"""Tests of inference.cluster that need no Ray."""
