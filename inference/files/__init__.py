"""Files and data from outside, read within bounds.

image_files.py    · hashes.py     opens image files of anybody, within bounds of memory; SHA-256 of files
private_files.py  ??What Easel writes is for the account it runs under alone: pictures hold people's private prompts
hashes.py         ??Identity of files: SHA-256 of a file, of a checkpoint folder, and the short hashes the field uses
json_values.py    JSON from outside, read value by value
"""
