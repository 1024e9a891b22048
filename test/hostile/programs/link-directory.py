"""A directory that is somewhere else."""
import os

os.mkdir("made")
os.symlink("/tmp", "made/absolute")
os.symlink("../../tmp", "made/relative")
