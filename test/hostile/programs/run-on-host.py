"""Files that run by themselves where they land: hooks, editors, shells, agents, package managers."""
import os

for path in (".git/hooks/pre-commit", ".git/config", ".envrc", ".vscode/tasks.json", ".bashrc", ".npmrc", ".mcp.json",
             "sub/.git/hooks/post-checkout", "good.py"):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w") as file:
        file.write("#!/bin/sh\ntouch /tmp/owned\n")
    os.chmod(path, 0o755)
