"""Deletion and removal: by owners, staff, operators and age.

deletions.py          pictures that their authors delete: hide, restore, delete
erasures.py           users who delete all their data
erased_rows.py        deletes their rows, and hashes the id in rows that stay
erasure_leftovers.py  their files and messages that are not removed yet
retention.py          jobs and pictures whose retention time is over
takedowns.py          pictures that staff removed, and whether the author has read the notice
takedown_notices.py   notices to authors and uploaders about removed pictures
takedown_cases.py     takedown cases of people shown in pictures, and the copies that were found
takedown_commands.py  opens, confirms and closes takedown cases
"""
