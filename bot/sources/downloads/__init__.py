"""Fetches files, checks them, and puts them into the library.

files.py           fetches one file: streamed, resumed, checked while it comes
folders.py         fetches a checkpoint as a folder
previews.py        the preview of a LoRA's page, beside its file
placing.py         a fetched file is checked, described and put into the library
attached.py        files that people attach
peeking.py         what a file is, from its header, before it is downloaded
addition_steps.py  what one addition takes: fetched, checked, named, put into the catalogue
"""
