"""Downloads files, checks them, and puts them into the library.

peeking.py         reads the header of a file before the download
files.py           downloads one file: streamed, resumed, checked meanwhile
folders.py         downloads a checkpoint as a folder
previews.py        the preview of a LoRA's page, stored beside its file
attached.py        files that people attach
placing.py         checks and describes a downloaded file, and puts it into the library
addition_steps.py  the steps of one addition
"""
