"""Tests of bot.requests."""
