"""Deletion and removal: by owners, staff, operators and age.

deletions.py          pictures that their owner deletes: hidden, brought back or gone
erasures.py           people who have all deleted that is kept of them
erased_rows.py        deletes their rows, and hashes the id where a row stays
erasure_leftovers.py  their files and messages that are still to be removed
retention.py          orders and pictures that are older than they are to be kept
takedowns.py          pictures that staff took down, and whether their owner was told
takedown_notices.py   what authors and uploaders are told about these takedowns
takedown_cases.py     takedowns for people who are shown in pictures, and the copies that were found
takedown_commands.py  opens, confirms and closes these cases
"""
