"""The panel of a server for its staff, and for operators across servers.

panel.py         the frame: pages, sections, base classes of the controls
entity_menus.py  menus of channels, roles and people, also for a server other than the one where they are used
home.py          what is set, what the bot lacks, and the choice of another server
places.py        where and with what is painted, and the server's defaults
art.py           art channels, in which people publish
ratings.py       which pictures open channels show
words.py         the server's own lists of words and patterns
word_form.py     the form of a list, which is offered again when it could not be saved
phrases.py       phrases that the server allows
people.py        which roles may do what
limits.py        limits of everybody, newcomers, the whole server, roles and people
blocks.py        blocked people and LoRAs
reports.py       reports that wait, where they are posted, who sees them
proposals.py     proposed base models, which operators decide
audit.py         the audit log
audit_words.py   entries of the audit log in words
joining.py       the message after the bot has joined a server
"""
