"""A link in user space: two namespaces, a tunnel between them, one process that is the link.

The kernel may have no netem, and what a real queue did has to be known exactly. So packets pass
through a process that models bottleneck, queue, delay, jitter and loss, and logs the truth.
"""
