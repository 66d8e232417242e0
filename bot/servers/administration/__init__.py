"""What staff and operators change and read, by subject.

settings.py      settings: channels, roles, checkpoints, language and more
limits.py        limits of everybody, of roles and of people
blocks.py        blocks of people and LoRAs
words.py         lists of words, and their import from Discord's AutoMod
phrases.py       phrases that a server allows, and members' questions that ask for one
base_models.py   proposals of what a LoRA was trained on, and decisions about them
ratings.py       content ratings that operators give LoRAs
audit_log.py     the entry that each change leaves, the pages of the log, and its export
audit_export.py  the audit log as JSON
reasons.py       the reason that staff give for what concerns others
services.py      all of them together, constructed

Every method checks the right first, and raises NotStaff, NotOperator or another refusal of `bot.servers.rights` when
the person may not do that; `AuditLog.record` alone checks none. All raise DatabaseError. `server_id` is the server that
is acted on; EVERYWHERE is for operators alone.
"""
