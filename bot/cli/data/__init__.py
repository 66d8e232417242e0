"""Commands about stored data.

backup.py     `backup`
restore.py    `restore`
privacy.py    `privacy show`, `export` and `delete`
retention.py  `retention`: removes data that is older than its limit
reports.py    `reports`: how many reports wait for staff, in which servers and since when
takedown.py   `takedown find`, `list`, `confirm` and `close`
verify.py     `verify`: whether pictures were generated here
time_left.py  how long an operator has for a takedown case
"""
