"""Programs that every helper would call, first in PATH and in every directory they might start in."""
import os

for directory in ("/workspace/bin", "/workspace", os.environ["HOME"], "/tmp"):
    os.makedirs(directory, exist_ok=True)
    for name in ("sh", "bash", "tar", "cat", "ls", "rm", "python3", "node", "env", "agent"):
        with open(f"{directory}/{name}", "w") as file:
            file.write("#!/bin/sh\necho FAKE; touch /workspace/called\n")
        os.chmod(f"{directory}/{name}", 0o755)
print("made")
