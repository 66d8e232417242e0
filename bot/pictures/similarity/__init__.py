"""Whether two pictures look alike, and what follows from it.

perceptual_hash.py   how similar two pictures look
pixel_comparison.py  whether two pictures with similar hashes are the same
picture_parts.py     the parts of a picture that may be pictures by themselves
copies.py            finds all copies of a picture, for a takedown
made_here.py         whether a picture was generated here
removed_pictures.py  refuses copies of pictures that a takedown removed
picture_verdicts.py  decisions of staff about similar pictures
"""
