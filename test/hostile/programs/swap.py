"""Allocates most of the memory there is, and looks whether any of it went to the disk."""
import re
import sys

kept = b"x" * int(sys.argv[1])
print(re.search(r"VmSwap:\s+(\d+)", open("/proc/self/status").read()).group(1), len(kept))
