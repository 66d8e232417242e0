"""Tests of bot.ui.delivery."""
