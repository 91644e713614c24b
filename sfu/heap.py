"""What the C library does with memory that was freed: it keeps it, to give it out again at once.

By itself it hands large arrays back to the kernel each time, which gives them out page by page,
emptied; a tick with many rows makes hundreds of such arrays.
"""

import ctypes
import sys
from typing import Final

_MIB: Final = 1 << 20
_TRIM_THRESHOLD: Final = (-1, 64 * _MIB)
"""So much may lie idle at the end of the heap. As mallopt(3) has it, by the numbers of glibc."""
_MMAP_THRESHOLD: Final = (-3, 4 * _MIB)
"""Arrays below this come from the heap."""


def keep_freed() -> bool:
    """From now on, in this process. Whether the C library lets itself be told."""
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        # musl, which has no such heap.
        return False
    taken = [mallopt(*option) == 1 for option in (_TRIM_THRESHOLD, _MMAP_THRESHOLD)]
    return all(taken)
