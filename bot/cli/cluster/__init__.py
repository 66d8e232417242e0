"""Commands about a cluster of machines.

commands.py  `cluster up`, `join`, `status` and `drain`
node.py      the work of `cluster up` and `cluster join`
"""
