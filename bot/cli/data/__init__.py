"""Commands about stored data.

backup.py     `backup`
restore.py    `restore`
privacy.py    `privacy show`, `export` and `delete`
retention.py  `retention`: removes data that is older than its limit
reports.py    `reports`: number and age of open reports in each server
takedown.py   `takedown find`, `list`, `confirm` and `close`
time_left.py  the time that is left for a takedown case
verify.py     `verify`: whether pictures were generated here
"""
