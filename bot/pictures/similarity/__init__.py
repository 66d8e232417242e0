"""Whether pictures look alike.

perceptual_hash.py   how like each other two pictures look
pixel_comparison.py  whether two pictures with similar hashes are the same
picture_parts.py     the parts of a picture that may be pictures by themselves
copies.py            finds the copies of a picture everywhere, for a takedown
made_here.py         whether a picture was generated here
removed_pictures.py  refuses copies of what was removed by a takedown
picture_verdicts.py  what staff decided about a picture that looks like this one
"""
