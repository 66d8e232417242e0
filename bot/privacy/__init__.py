"""What is kept of people: the table of it, a copy for them, and its deletion.

stored_data.py   what is kept where, how long, how it is found by person, and what a deletion does with it
document.py      docs/privacy.md, written from that table
export.py        a person's rows and pictures as ZIP files
export_page.py   the page of such a file, which shows them in a browser
page_values.py   values of rows as people read them on that page
summary.py       how much is stored and who is responsible, for that page and /privacy show
erasing.py       carries erasures out, step by step
file_removal.py  removes files with their thumbnails
retention.py     removes what is older than it is to be kept
"""
