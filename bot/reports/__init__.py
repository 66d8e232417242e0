"""Reports of pictures and LoRAs: people report, staff decide, owners appeal. Knows no views.

reporting.py       takes reports, decisions, appeals and answers; each checks the right, and is written down as a whole
plans.py           the steps that carry out a decision, or take it back; pure
carrying_out.py    carries out what was written down, step by step
staff_messages.py  keeps the message to staff about each report up to date
reminders.py       reminds staff and operators of open reports
words.py           the words for decisions, and for answers to appeals
messenger.py       what both need of Discord: a Protocol

A picture's report belongs to the server in which it stands, a LoRA's to the operators, because the library is theirs.
"""
