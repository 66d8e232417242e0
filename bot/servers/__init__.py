"""Servers that are run by people: rights, limits, blocks, and the log of what staff have changed. Knows no views.

context.py              who acts where, as Discord tells it
rights.py               who may do what where, as one pure function
limits.py               which limits hold and where each comes from; pure
lookups.py              answers of Discord, kept for a minute
members.py              a member's roles by *Get Guild Member*
command_permissions.py  a server's own settings for commands, which hold for buttons too
content.py              for whom a place is, and whether what is asked for may be painted and shown there
server_words.py         the rules on words of each place, compiled once
server_cache.py         what is set in each server, read once
access.py               gathers what a decision needs, and decides
adding_checks.py        judges who may add LoRAs from outside, and how many
checks.py               checks requests when they are ordered, and jobs again later
administration/         what staff and operators change and read: settings, limits, blocks, words, audit log
word_limits.py          what lists of words a server may have, and which lines can be used
automod.py              Discord's AutoMod as lists of words; pure
defaults.py             what holds for people who have not chosen it themselves
block_ends.py           when a block ends, as staff write it
services.py             constructs all of it

How the interface calls it: `bot.ui.access` makes an `ActionContext` of each interaction and asks `rights`.
`bot.ui.delivery.orders` asks `checks.check_request` before an order and `checks.record` in its transaction; the
dispatcher asks `checks.still_allowed`, the deliverer `checks.why_not_delivered`; before a direct message, it asks
`checks.why_not_sent`.
What shows pictures asks `checks.why_not_shown`; lists of LoRAs ask `content.place` for the ratings that are `shown`.
Notes and names are judged by the rules that `words.of` gives for a place. The panel of `/server` uses `administration`,
whose services check rights themselves.
`bot.ui.server_lookups` asks Discord, and raises LookupFailed.
"""
