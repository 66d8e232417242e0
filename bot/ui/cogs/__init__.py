"""Slash commands, one small file per noun. They raise what goes wrong and never catch to talk."""
