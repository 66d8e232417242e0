"""A watermark in the pixels of finished pictures, which stays when their metadata is removed.

marking.py     the payload, the interface of a watermark, and how it is tried
trustmark.py   the files of TrustMark's weights, and TrustMark behind the interface
"""
