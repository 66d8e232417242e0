"""The panel of a server for its staff, and for operators across servers.

panel.py            the frame: pages, sections, base classes of the controls
entity_menus.py     menus of channels and roles, also for another server
home.py             the settings, what the bot lacks, and the choice of another server
places.py           where and with what is generated, and the server's defaults
art.py              art channels, in which people publish
ratings.py          the pictures that open channels show
words.py            the server's own lists of words and patterns
word_form.py        the form of a list, which is shown again if it cannot be saved
phrases.py          phrases that the server allows
phrase_question.py  a refused prompt whose words staff can allow, and the question to staff
people.py           the rights of roles
limits.py           limits of everyone, newcomers, the whole server, roles and people
blocks.py           blocked people and LoRAs
reports.py          open reports, where they are posted, and who sees them
proposals.py        proposed base models, which operators decide
audit.py            the audit log
audit_words.py      texts for entries of the audit log
joining.py          the message after the bot has joined a server
"""
