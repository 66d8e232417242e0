"""Ray: cluster, nodes and command.

cluster.py  ??The cluster that Ray runs, in the driver process
node.py     a node of Ray on this machine, as a process; questions to a cluster
command.py  Ray's own command as a child that ends with its parent
words.py    sentences of ours for what Ray says
raylets.py  the nodes of Ray that run on this machine already
"""
