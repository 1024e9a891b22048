"""
Lets a program given as text, which is stored outside the working directory, import modules from there.

The host puts this file's directory first in PYTHONPATH. Python imports it at the end of its own start, and computes
sys.path[0] from the program's path after that. The last thing that Python does before it runs the program is to make the
program's loader: there sys.path[0] becomes the working directory. No frame of this file lies below the program.
"""
import os
import sys

place = __file__.rpartition('/')[0]
sys.path.remove(place)
sys.path_importer_cache.pop(place, None)


def forget_variable():
    theirs = os.environ.pop('PYTHONPATH')[len(place) + 1:]
    if theirs:
        os.environ['PYTHONPATH'] = theirs


def find_neighbours(directory):
    Loader = sys.modules['_frozen_importlib_external'].SourceFileLoader

    def init(self, name, path):
        if name == '__main__':
            del Loader.__init__
            if sys.path and sys.path[0] == path.rpartition('/')[0]:
                # The program may be imported by its own name, too (`uvicorn.run("main:app")`).
                sys.path.append(sys.path[0])
                sys.path[0] = directory
        super(Loader, self).__init__(name, path)

    Loader.__init__ = init


# An interpreter started within the program has the same settings, but does not have a program.
if os.environ.get('PYTHONPATH', '').partition(':')[0] == place:
    forget_variable()
    find_neighbours(os.getcwd())
# Import the image's own module next. If it is missing, the import fails as it does without this file.
del sys.modules['sitecustomize']
import sitecustomize  # noqa: F401
