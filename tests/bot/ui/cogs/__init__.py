"""Tests of bot.ui.cogs."""
