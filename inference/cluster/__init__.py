"""Workers on the machines of a cluster. Only processes of the cluster import Ray, never the bot.

socket_address.py     the address of the driver's socket
wire.py               frames between the bot and the driver process, and the handshake of the two
protocol.py           headers of frames
compatibility.py      versions of a machine, and why Easel refuses one
node_labels.py        labels of nodes
driver.py             the driver process: keeps a worker for each device of each node
worker_supervisor.py  one worker on a node: starts its actor, listens to it, and restarts it
nodes.py              a cluster as the driver process sees it
ray/                  the cluster that Ray runs
actor.py              on a node: one engine process, with its files
outbox.py             events of an actor that the driver process does not have yet
node_files.py         files that an actor takes from elsewhere
files.py              a node's cache of files, by SHA-256
network.py            addresses of this machine and of the head
tokens.py             the token of a cluster, in its file
views.py              the nodes of a cluster for `easel cluster status`
probe.py              a process that asks a cluster about itself
reports.py            what the driver process knows of a node, stored in the memory of the head
worker_folder.py      the folders of one worker on a node, filled from the cache
"""
