"""LoRAs that people add from hubs.

additions.py  LoRAs from outside, from the wish until the file is here, and who wants them
disputes.py   LoRAs that another page claims for another base model, and who had them
hub_looks.py  what hubs say now of files that came from them, and who is told of newer versions
"""
