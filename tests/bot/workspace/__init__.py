"""Tests of bot.workspace."""
