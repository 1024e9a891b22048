"""Ripcord's warm interpreter: stops a python at the last step before its main program, and forks there for every run.

Started as `python3 /.ripcord/warm/main.py` with PYTHONPATH=/.ripcord/warm, the interpreter imports this module when
everything else of its start is done. Each fork leaves by the import failing, as it does where there is no such module,
and the interpreter goes on to its main program, natively: no frame of this file lies below the user's code.

Nothing in here runs user code. What comes between fork and program, and after its end, is in native.c.
"""
import sys


class Failed(Exception):
    """A step of a run's start did not work. The numbers are the agent's (enum stage in protocol.h)."""

    def __init__(self, stage, error):
        self.stage = stage
        self.error = error


RESOURCES, EXEC = 4, 5
# As native.c leaves them in a fork that has its program.
FAILURE_FD, REQUEST_FD = 3, 4
MAIN = '/.ripcord/warm/main.py'
PLACE = __file__.rpartition('/')[0]

# What generated programs import most. Each costs every run a little, used or not: its pages are copied when the program
# ends. None may depend on what differs from run to run: no secret drawn (multiprocessing), no seed (numpy; random draws a
# new one after a fork), no moment or thread noted down (logging, threading), no thread started (numpy).
MODULES = """
    typing re collections.abc enum abc copy json math random string heapq bisect operator datetime textwrap dataclasses
    decimal fractions statistics
""".split()


def preload(names, baseline):
    """Imports them, and records for each module what its own import asks for."""
    import builtins

    asks, plain = {}, builtins.__import__

    def recording(name, globals=None, locals=None, fromlist=(), level=0):
        result = plain(name, globals, locals, fromlist, level)
        frame = sys._getframe(1)
        # A function called while a module is executed imports on behalf of that module.
        while frame and frame.f_code.co_name != '<module>':
            frame = frame.f_back
        importer = frame and frame.f_globals.get('__name__')
        if importer is None or importer in baseline:
            return result
        if level:
            package = globals['__package__'].rsplit('.', level - 1)[0]
            name = f'{package}.{name}' if name else package
        wanted = asks.setdefault(importer, {})
        parts = name.split('.')
        for end in range(1, len(parts) + 1):
            wanted['.'.join(parts[:end])] = True
        for item in fromlist or ():
            if f'{name}.{item}' in sys.modules:
                wanted[f'{name}.{item}'] = True
        return result

    builtins.__import__ = recording
    try:
        for name in names:
            try:
                __import__(name)
            except ImportError:
                pass
    finally:
        builtins.__import__ = plain
    return asks


class Shelf:
    """The loaded modules, out of sight until a program imports them, and only where it would have found the same ones."""

    def __init__(self, baseline, asks):
        import builtins

        self.plain_import = builtins.__import__
        self.plain_path = list(sys.meta_path)
        self.lent = set()
        self.modules = {}
        self.specs = {}
        self.aliases = {}
        self.homes = {}
        for name, module in list(sys.modules.items()):
            spec = getattr(module, '__spec__', None)
            if name in baseline:
                continue
            if spec is None:
                # typing.io and typing.re are classes that typing puts there itself.
                self.aliases.setdefault(name.rpartition('.')[0], {})[name] = module
            elif spec.has_location and spec.origin != 'frozen':
                self.modules[name] = module
                self.specs[name] = spec
                home = spec.origin.rpartition('/')[0]
                self.homes[name] = home.rpartition('/')[0] if spec.submodule_search_locations is not None else home
        self.asks = {
            name: [wanted for wanted in asks.get(name, ()) if wanted in self.modules and wanted != name]
            for name in self.modules
        }
        self.needs = {name: self.all_of(name) for name in self.modules}

    def all_of(self, name):
        found, todo = {name: True}, [name]
        while todo:
            for wanted in self.asks[todo.pop()]:
                if wanted not in found:
                    found[wanted] = True
                    todo.append(wanted)
        return list(found)

    def hide(self):
        from importlib.machinery import ExtensionFileLoader, PathFinder, SourceFileLoader

        self.kinds = {
            SourceFileLoader: type('SourceFileLoader', (Lender, SourceFileLoader), {}),
            ExtensionFileLoader: type('ExtensionFileLoader', (Lender, ExtensionFileLoader), {}),
        }
        self.finder_for = PathFinder._path_importer_cache
        for names in self.aliases.values():
            for name in names:
                del sys.modules[name]
        for name, module in self.modules.items():
            del sys.modules[name]
            parent, _, child = name.rpartition('.')
            above = self.modules.get(parent) or sys.modules.get(parent)
            if above is not None and vars(above).get(child) is module:
                delattr(above, child)
        for home in set(self.homes.values()):
            finder = sys.path_importer_cache.get(home)
            if finder is not None:
                finder.find_spec = self.finding(finder)

    def finding(self, finder):
        plain = finder.find_spec

        def find_spec(name, target=None):
            if self.homes.get(name) == finder.path and self.fits(name):
                return self.spec(name)
            return plain(name, target)

        return find_spec

    def fits(self, name):
        """Whether its import would find what is on the shelf: itself, and everything it imports in turn."""
        import builtins

        if name in self.lent or builtins.__import__ is not self.plain_import or sys.meta_path != self.plain_path:
            return False
        if self.specs[name].loader.__class__ not in self.kinds:
            return False
        for wanted in self.needs[name]:
            if wanted in sys.modules:
                if sys.modules[wanted] is not self.modules[wanted]:
                    return False
            elif wanted in self.lent or self.shadowed(wanted):
                return False
        return True

    def shadowed(self, name):
        """Something earlier on sys.path has that name. What lies in a package of the shelf, only that package has."""
        if '.' in name:
            return False
        for entry in sys.path:
            if entry == self.homes[name]:
                return False
            finder = self.finder_for(entry)
            if finder is not None and finder.find_spec(name) is not None:
                return True
        return True

    def spec(self, name):
        known = self.specs[name]
        loader = self.kinds[known.loader.__class__](name, known.loader.path)
        loader.shelf = self
        spec = type(known)(name, loader, origin=known.origin)
        spec.submodule_search_locations = known.submodule_search_locations
        spec._set_fileattr = True
        spec.cached = known.cached
        return spec


class Lender:
    """The loader of a module that has been loaded already."""

    def create_module(self, spec):
        self.shelf.lent.add(self.name)
        return self.shelf.modules[self.name]

    def exec_module(self, module):
        shelf, name = self.shelf, self.name
        module.__spec__ = shelf.specs[name]
        for wanted in shelf.asks[name]:
            __import__(wanted)
        sys.modules.update(shelf.aliases.get(name, ()))
        shelf.standing.watch(name, module)


class Standing:
    """
    What an interpreter has from its start, or was lent. To take that apart when a program ends is a fifth of the cost of a
    short one, for the pages it lies in are copied, and shows nowhere. So it is held, and modules that are as they were when
    they came are out of sys.modules, as they soon would be, before the interpreter looks there for what to take apart.
    """

    # PyDictObject.ma_version_tag, which every change of a dictionary renews (PEP 509).
    TAG = 24

    def __init__(self, ctypes, api, native):
        import _thread
        import gc

        self.threads = _thread._count
        self.debugs_collector = gc.get_debug
        self.native = native
        self.streams = ()
        self.counter = ctypes.c_uint64
        self.hold = api.Py_IncRef
        self.hold.argtypes = [ctypes.py_object]
        self.modules = {}
        self.able = self.sees_changes()

    def tag(self, names):
        return self.counter.from_address(id(names) + self.TAG)

    def sees_changes(self):
        names = {'a': 1}
        tag = self.tag(names)
        first, again = tag.value, tag.value
        names['a'] = 2
        second = tag.value
        names['b'] = 3
        return first == again != second != tag.value

    def watch(self, name, module):
        if self.able:
            self.hold(module)
            tag = self.tag(vars(module))
            self.modules[name] = module, tag, tag.value

    def watch_all(self):
        for name, module in sys.modules.items():
            if type(module) is type(sys) and name not in ('sys', 'builtins', '__main__'):
                self.watch(name, module)

    def leave(self):
        """The last callback at exit, as it is the first to be registered. Not when somebody else has the callbacks run."""
        if sys._getframe().f_back is not None or self.threads() > 0:
            return
        if self.shows_nothing_more():
            self.native.warm_allow_end()
        for name, (module, tag, value) in self.modules.items():
            if tag.value == value and sys.modules.get(name) is module:
                sys.modules[name] = None

    def shows_nothing_more(self):
        """What native.c cannot see: nothing is left that could not be written (status 120), or that reports to the end."""
        names = vars(sys)
        for name, stream in zip(('stdout', 'stderr'), self.streams):
            try:
                if names.get(name) is not stream or not stream.write_through or stream.closed is None:
                    return False
            except ValueError:
                return False
        return '_ctypes' not in sys.modules and not self.debugs_collector()


class MainProgram:
    """Where the interpreter has noted down which file it is to run: it reads that only when it gets there."""

    SPAN = 1024

    def __init__(self, ctypes, api):
        api.PyInterpreterState_Get.restype = ctypes.c_void_p
        api._PyInterpreterState_GetConfig.restype = ctypes.c_void_p
        api._PyInterpreterState_GetConfig.argtypes = [ctypes.c_void_p]
        api.Py_DecodeLocale.restype = ctypes.c_void_p
        api.Py_DecodeLocale.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
        self.decode = api.Py_DecodeLocale
        self.pointer = ctypes.c_void_p
        config = api._PyInterpreterState_GetConfig(api.PyInterpreterState_Get())
        noted = (MAIN + '\0').encode('utf-32-le')
        readable = Memory()
        # The layout differs from version to version. Two places matter: the file's name, and the first of the arguments.
        self.places = []
        kinds = set()
        for at in range(config, config + self.SPAN, 8):
            value = readable.word(at)
            if readable.bytes(value, len(noted)) == noted:
                self.places.append(at)
                kinds.add('file')
            elif value and readable.bytes(readable.word(value), len(noted)) == noted:
                self.places.append(value)
                kinds.add('arguments')
        if len(kinds) != 2 or len(self.places) != 2:
            raise RuntimeError('this interpreter keeps its main program elsewhere')

    def set(self, file):
        for place in self.places:
            self.pointer.from_address(place).value = self.decode(file, None)


class Memory:
    """This process's own, read through the kernel, which answers for any address."""

    def __init__(self):
        import io

        self.file = io.open('/proc/self/mem', 'rb', 0)

    def bytes(self, at, length):
        if not 4096 <= at < 1 << 47:
            return b''
        try:
            self.file.seek(at)
            return self.file.read(length)
        except OSError:
            return b''

    def word(self, at):
        return int.from_bytes(self.bytes(at, 8), 'little')


class Warm:
    def __init__(self):
        import os

        own = os.environ.pop('RIPCORD_WARM')
        baseline = set(sys.modules) - {'usercustomize'}
        import atexit
        import gc

        gc.disable()
        asks = preload(MODULES + ['ctypes'], set(sys.modules))
        import ctypes

        self.native = ctypes.PyDLL(f'{PLACE}/native.so')
        self.native.warm_setup(own.encode())
        self.native.warm_serve.restype = ctypes.c_long
        self.native.warm_set_end.argtypes = [ctypes.c_void_p]
        # Not ctypes.pythonapi: a program that imports ctypes finds that as it was.
        self.api = ctypes.PyDLL(None)
        self.main = MainProgram(ctypes, self.api)
        self.shelf = Shelf(baseline | {'usercustomize'}, asks)
        self.shelf.hide()
        standing = self.standing = self.shelf.standing = Standing(ctypes, self.api, self.native)
        standing.watch_all()
        atexit.register(standing.leave)
        self.api.PySys_AddAuditHook(self.native.warm_audit, None)
        gc.collect()
        for kept in gc.get_objects():
            standing.hold(kept)
        gc.freeze()
        gc.enable()

    def measure_end(self):
        """
        How deep the stack is when an interpreter that has run a program takes itself apart: native.c has to know. Returns
        twice; the fork that finds out has no program, and goes on to its end.
        """
        import os

        hear, tell = os.pipe()
        fork = os.fork()
        if fork == 0:
            self.native.warm_measure_end(tell)
            self.main.set(b'/dev/null')
            return True
        os.close(tell)
        self.native.warm_set_end(int.from_bytes(os.read(hear, 8), sys.byteorder))
        os.close(hear)
        os.waitpid(fork, 0)
        return False

    def serve(self):
        """Returns in a fork that is to run a program."""
        if self.measure_end():
            return
        self.api.PyOS_BeforeFork()
        rest = self.native.warm_serve()
        self.api.PyOS_AfterFork_Child()
        try:
            self.prepare(rest)
        except BaseException as error:
            stage = error.stage if isinstance(error, Failed) else RESOURCES
            number = error.error if isinstance(error, Failed) else getattr(error, 'errno', None) or 5
            self.native.warm_fail(stage, number)

    def prepare(self, offset):
        """What the interpreter knows of its surroundings."""
        import os
        import site

        request = os.pread(REQUEST_FD, os.lseek(REQUEST_FD, 0, os.SEEK_END) - offset, offset)
        file, argc, *rest = request.split(b'\0')[:-1]
        argc = int(argc)
        argv = [os.fsdecode(argument) for argument in rest[:argc]]
        os.environ.clear()
        for assignment in rest[argc:]:
            name, _, value = assignment.partition(b'=')
            os.environb[name] = value
        site.USER_BASE = site.USER_SITE = None
        if os.path.isdir(site.getusersitepackages()):
            # Packages of the user's own belong on the path, and may change anything: that is a fresh interpreter's work.
            try:
                os.execvpe(argv[0], argv, os.environ)
            except OSError as error:
                raise Failed(EXEC, error.errno) from None
        sys.orig_argv = argv
        sys.argv = argv[1:]
        self.main.set(file)
        self.renew_main()
        self.open_streams()
        os.close(REQUEST_FD)
        # Which says that it has started.
        os.close(FAILURE_FD)

    def renew_main(self):
        """The one there is belongs to what the collector leaves alone, and with it all a program would put into it."""
        old = sys.modules['__main__']
        new = sys.modules['__main__'] = type(sys)('__main__')
        vars(new).update(vars(old), __annotations__={})

    def open_streams(self):
        """As the interpreter itself does at its start (create_stdio in pylifecycle.c), with PYTHONUNBUFFERED."""
        import io

        for number, name, mode in ((0, 'stdin', 'r'), (1, 'stdout', 'w'), (2, 'stderr', 'w')):
            old = getattr(sys, name)
            buffer = io.open(number, mode + 'b', -1 if number == 0 else 0, closefd=False)
            raw = buffer.raw if number == 0 else buffer
            raw.name = f'<{name}>'
            stream = io.TextIOWrapper(buffer, old.encoding, old.errors, '\n', False, True)
            stream.mode = mode
            setattr(sys, name, stream)
            setattr(sys, f'__{name}__', stream)
        self.standing.streams = sys.stdout, sys.stderr


if sys.orig_argv[1:] == [MAIN]:
    import os

    sys.path.remove(PLACE)
    sys.path_importer_cache.pop(PLACE, None)
    # An interpreter that a program starts within its own has the same settings, and nothing to do here.
    if 'RIPCORD_WARM' in os.environ:
        Warm().serve()
raise ImportError("No module named 'usercustomize'", name='usercustomize')
