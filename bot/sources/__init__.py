"""LoRAs and checkpoints from outside: information from hubs, and downloads.

errors.py       errors of hubs, a sentence for each
hubs/           links, hubs and their answers
look_ups.py     looks up links for users, within a limit
choosing.py     which version to add for the installed checkpoints, and which not
downloads/      downloads files, checks them, and puts them into the library
additions.py    LoRAs that users ask for; one download for all who ask
claims/         what pages say about the same file
updates.py      daily check of the pages: newer versions, and pages that are gone
later_flags.py  blocks LoRAs whose page is flagged after the download
"""
