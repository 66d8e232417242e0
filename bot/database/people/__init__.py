"""Rows about people: defaults, drafts and blocks.

people.py       people and servers, known by Discord's snowflake
preferences.py  each person's defaults
drafts.py       drafts of requests that were refused
studio.py       each person's draft in the studio
blocks.py       people and LoRAs that are blocked
"""
