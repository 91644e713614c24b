"""Where one client's session stands.

            +--> CHECKING --wrong password--> NEW
            |        |
    NEW --join-------+-----------------> JOINED --leave, removed, socket closed--> LEFT
     |               |                     ^                                        ^ ^
     |               +-----> WAITING --admitted      WAITING --leave, turned away --+ |
     +------------ socket closed, too much that is malformed ------------------------+

Who is JOINED or WAITING and has lost the socket may come back on another one, whose
session takes over all that this one has.
"""

import enum


class State(enum.Enum):
    """See the picture above."""

    NEW = "new"
    CHECKING = "checking"
    WAITING = "waiting"
    JOINED = "joined"
    LEFT = "left"
