"""Listening to a scheduler leaves it as it was for everybody else."""

from __future__ import annotations

import inspect

import diffusers

from inference.engine.clean import CleanLatents


def test_the_seed_still_reaches_the_noise_of_a_step() -> None:
    """diffusers looks at the signature of `step`: without `generator` in it, ancestral noise comes from nowhere."""
    scheduler = diffusers.EulerAncestralDiscreteScheduler()
    CleanLatents(scheduler)
    assert "generator" in inspect.signature(scheduler.step).parameters
