"""Tests of bot.diagnostics."""
