"""A person's settings, limits and data.

settings.py     the panel of a person's own defaults
privacy.py      what is kept of a person, their copy of it, its deletion
limits_text.py  the limits that hold for a person, in words
"""
