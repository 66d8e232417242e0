"""Tests of bot.ui.views."""
