"""LoRAs and checkpoints from outside: what hubs say of them, and fetching them.

errors.py      what really happens at hubs, a sentence for each
look_ups.py    looks links up for people: so many of each in a while
choosing.py    which version to add for the checkpoints installed here, and what is not added
later_flags.py  LoRAs whose pages say later what would have kept them out are blocked
updates.py     what hubs say now of what came from them, once a day: is it still there, is there a newer version?
additions.py   what people ask to be added; one download however many ask
hubs/       hubs and their answers
downloads/  fetches files, checks them, and puts them into the library
claims/     what pages say about the same file
"""
