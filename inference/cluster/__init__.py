"""Workers on the machines of a cluster. Only processes of the cluster import Ray, never the bot.

wire.py            frames between the bot and the driver process, and the handshake of the two
protocol.py        what the headers of frames say
compatibility.py   what a machine says of itself, and why one is refused
node_labels.py     what nodes tell by their labels
driver.py          the driver process: keeps a worker for each device of each node
worker_supervisor.py   one worker on a node: its actor started, listened to, started again
nodes.py · ray_cluster.py   a cluster as the driver process sees it; the one that Ray runs
actor.py           on a node: one engine process, and what it needs and leaves
outbox.py          what an actor has to tell, until the driver process has it
node_files.py      the files that an actor takes from elsewhere
files.py           a node's cache of files, known by their SHA-256
network.py         addresses of this machine and of the head
tokens.py          the token of a cluster, in its file
views.py           the nodes of a cluster, as `easel cluster status` tells them
probe.py           a process that asks a cluster about itself
reports.py         what the driver process knows of a node, left in the memory of the head
worker_folder.py   the folders of one worker on a node, filled from the cache
ray/  ray: cluster, nodes and command
"""
