"""Ray: its cluster, its nodes and its command.

cluster.py  the cluster that Ray runs, in the driver process
node.py     a node of Ray on this machine, as a process; questions to a cluster
command.py  Ray's own command as a child that ends with its parent
words.py    our sentences for errors of Ray
raylets.py  the nodes of Ray that already run on this machine
"""
