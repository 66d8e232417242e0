"""Files and data from outside, read within bounds.

image_files.py    opens image files within bounds of memory
private_files.py  file permissions: only the account of Easel may read what Easel writes
hashes.py         SHA-256 of files and checkpoint folders, and the short hashes of other programs
json_values.py    JSON, read value by value
"""
