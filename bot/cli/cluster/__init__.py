"""Commands about machines of a cluster.

commands.py  `cluster up`, `join`, `status` and `drain`
node.py      what `cluster up` and `cluster join` do
"""
