"""Writes in the art channels of servers, with discord.py.

posts.py         the messages of publications: in a text channel or thread a message, in a forum a post
boards.py        the boards: trending LoRAs, the most liked pictures, staff's picks
channels.py      posts, finds and deletes either, in channels, threads and forums
posted.py        looks which of them are there still
tags.py          which tags of a forum a post gets
translations.py  turns what Discord answers into the errors of `bot.community.discord_side`
"""
