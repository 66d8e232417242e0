"""Tests of inference.workers."""
