"""Ripcord's warm interpreter: stops a python at the last step before its main program, and forks there for every run.

Started as `python3 /.ripcord/warm/main.py` with PYTHONPATH=/.ripcord/warm, the interpreter imports this module when
everything else of its start is done. In each fork the import fails, as it does without such a module,
and the interpreter goes on to its main program, natively: no frame of this file lies below the user's code.

This module never runs user code. The steps between fork and program, and after its end, are in native.c.
"""
import sys


class Failed(Exception):
    """A step of a run's start did not work. The numbers are the agent's (enum stage in protocol.h)."""

    def __init__(self, stage, error):
        self.stage = stage
        self.error = error


RESOURCES, EXEC = 4, 5
# Descriptors that native.c leaves in a fork that has its program.
FAILURE_FD, REQUEST_FD = 3, 4
MAIN = '/.ripcord/warm/main.py'
PLACE = __file__.rpartition('/')[0]
# Name of the variable as in native.c.
FOR_FRESH_ONES = b'PYTHONPATH'

# Modules that generated programs import most. Each costs every run a little, used or not: its pages are copied when the
# program ends. A module must not keep state that differs from run to run: a secret (multiprocessing), a seed (numpy;
# random draws a new one after a fork), a time or a thread id (logging, threading), a started thread (numpy).
MODULES = """
    typing re collections.abc enum abc copy json math random string heapq bisect operator datetime textwrap dataclasses
    decimal fractions statistics
""".split()


def preload(names, baseline):
    """Imports the modules, and records for each one its own imports and its callbacks after a fork."""
    import builtins
    import os

    asks, plain = {}, builtins.__import__
    fork_hooks, plain_register = {}, os.register_at_fork

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

    def register(**hooks):
        fork_hooks.setdefault(sys._getframe(1).f_globals['__name__'], []).append(hooks)

    builtins.__import__, os.register_at_fork = recording, register
    try:
        for name in names:
            try:
                __import__(name)
            except ImportError:
                pass
    finally:
        builtins.__import__, os.register_at_fork = plain, plain_register
    return asks, fork_hooks


class Shelf:
    """The loaded modules, hidden until a program imports them. It gets them only if it would have found the same ones."""

    def __init__(self, baseline, asks, fork_hooks, standing):
        import builtins

        self.fork_hooks = fork_hooks
        self.standing = standing

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
        """Returns True if an import would find the module on the shelf, and so for all its own imports."""
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
        """Returns True if an earlier entry of sys.path has that name. Submodules exist only in their package."""
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
        import os

        shelf, name = self.shelf, self.name
        module.__spec__ = shelf.specs[name]
        for wanted in shelf.asks[name]:
            __import__(wanted)
        sys.modules.update(shelf.aliases.get(name, ()))
        for hooks in shelf.fork_hooks.get(name, ()):
            # The module was loaded before this fork.
            if 'after_in_child' in hooks:
                hooks['after_in_child']()
            os.register_at_fork(**hooks)
        shelf.standing.watch(name, module)


class Standing:
    """
    Modules that an interpreter has from its start or from the shelf. Clearing them at the end of a program is a fifth of
    the cost of a short one, because their pages are copied, and has no visible effect. So references to them are held, and
    unchanged modules are removed from sys.modules before the interpreter clears the modules in it.
    """

    def __init__(self, ctypes, api, native):
        import _thread
        import gc

        self.threads = _thread._count
        self.debugs_collector = gc.get_debug
        self.streams = ()
        self.keep = native.warm_watch
        self.keep.argtypes = [ctypes.py_object] * 2
        self.take = native.warm_leave
        self.hold = api.Py_IncRef
        self.hold.argtypes = [ctypes.py_object]
        native.warm_sees_changes.argtypes = [ctypes.py_object] * 2
        self.able = native.warm_sees_changes({'a': 1}, 'a')

    def watch(self, name, module):
        if self.able:
            self.hold(name)
            self.hold(module)
            self.keep(name, module)

    def watch_all(self):
        for name, module in sys.modules.items():
            if type(module) is type(sys) and name not in ('sys', 'builtins', '__main__'):
                self.watch(name, module)

    def leave(self):
        """Runs as the last callback at exit, because it is registered first. Does nothing if a program runs the callbacks."""
        if sys._getframe().f_back is not None or self.threads() > 0:
            return
        self.take(self.shows_nothing_more())

    def shows_nothing_more(self):
        """Checks conditions that native.c cannot see: no unwritten output (status 120), and no reports at the end."""
        names = vars(sys)
        for name, stream in zip(('stdout', 'stderr'), self.streams):
            try:
                if names.get(name) is not stream or not stream.write_through or stream.closed is None:
                    return False
            except ValueError:
                return False
        return '_ctypes' not in sys.modules and not self.debugs_collector()


def settings(ctypes, api):
    """Returns the address of the interpreter's PyConfig."""
    api.PyInterpreterState_Get.restype = ctypes.c_void_p
    api._PyInterpreterState_GetConfig.restype = ctypes.c_void_p
    api._PyInterpreterState_GetConfig.argtypes = [ctypes.c_void_p]
    return api._PyInterpreterState_GetConfig(api.PyInterpreterState_Get())


def forget_place(ctypes, config):
    """Takes this directory off the module path that an interpreter within this one starts with: a list of wide strings."""
    noted = (PLACE + '\0').encode('utf-32-le')
    readable = Memory()
    # The length stands before the list (PyWideStringList), and the list begins with PYTHONPATH.
    for at in range(config + 8, config + 1024, 8):
        entries, length = readable.word(at), readable.word(at - 8)
        if 0 < length < 64 and readable.bytes(readable.word(entries), len(noted)) == noted:
            ctypes.memmove(entries, entries + 8, (length - 1) * 8)
            ctypes.c_ssize_t.from_address(at - 8).value = length - 1


def find_main_program(config):
    """Returns where the interpreter stores the file it is to run: its name, and the first of the arguments."""
    noted = (MAIN + '\0').encode('utf-32-le')
    readable = Memory()
    found = {}
    # The layout differs from version to version.
    for at in range(config, config + 1024, 8):
        value = readable.word(at)
        if readable.bytes(value, len(noted)) == noted:
            found.setdefault('file', []).append(at)
        elif value and readable.bytes(readable.word(value), len(noted)) == noted:
            found.setdefault('argument', []).append(value)
    if [*map(len, found.values())] != [1, 1]:
        raise RuntimeError('this interpreter keeps its main program elsewhere')
    return found['file'][0], found['argument'][0]


class Memory:
    """Memory of this process, read through the kernel, which accepts any address."""

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


def open_stream(number, old):
    """Creates streams as the interpreter does at its start (create_stdio in pylifecycle.c), with PYTHONUNBUFFERED."""
    import io

    name, mode = (('stdin', 'r'), ('stdout', 'w'), ('stderr', 'w'))[number]
    buffer = io.open(number, mode + 'b', -1 if number == 0 else 0, closefd=False)
    raw = buffer.raw if number == 0 else buffer
    raw.name = f'<{name}>'
    stream = io.TextIOWrapper(buffer, old.encoding, old.errors, '\n', False, True)
    stream.mode = mode
    return stream


def open_streams():
    """Sets up the streams of a run: an empty input or a pipe, and pipes for its output. Their type is read at creation."""
    import os

    old = sys.stdin, sys.stdout, sys.stderr
    no_input = open_stream(0, old[0])
    null, pipe = os.dup(0), os.pipe()
    for number in range(3):
        os.dup2(pipe[number > 0], number)
    streams = [open_stream(number, old[number]) for number in range(3)]
    for number in range(3):
        os.dup2(null, number)
    for fd in (null, *pipe):
        os.close(fd)
    return no_input, streams


class Warm:
    def __init__(self):
        import atexit
        import gc
        import os

        own = os.environ.pop('RIPCORD_WARM').encode()
        baseline = set(sys.modules) - {'atexit', 'usercustomize'}
        gc.disable()
        asks, fork_hooks = preload(MODULES + ['ctypes'], set(sys.modules))
        import ctypes

        native = self.native = ctypes.PyDLL(f'{PLACE}/native.so')
        native.warm_serve.restype = ctypes.c_long
        native.warm_set_end.argtypes = [ctypes.c_void_p]
        native.warm_set_places.argtypes = [ctypes.c_void_p] * 2
        native.warm_input_is_pipe.restype = ctypes.c_bool
        # Do not use ctypes.pythonapi: a program that imports ctypes must find it unchanged.
        self.api = ctypes.PyDLL(None)
        native.warm_setup(own)
        config = settings(ctypes, self.api)
        native.warm_set_places(*find_main_program(config))
        forget_place(ctypes, config)
        self.standing = Standing(ctypes, self.api, native)
        Shelf(baseline | {'usercustomize'}, asks, fork_hooks, self.standing).hide()
        self.standing.watch_all()
        atexit.register(self.standing.leave)
        self.api.PySys_AddAuditHook(native.warm_audit, None)

    def wait_for_main(self):
        """Installs serve() in sys.path_hooks, which the interpreter calls for its main program at the end of its start."""
        self.plain_hooks = sys.path_hooks
        sys.path_hooks = [self.serve]

    def serve(self, path):
        """Raises ImportError in a fork that is to run a program: its file is no archive, and no directory."""
        import gc

        sys.path_hooks = self.plain_hooks
        if not self.measures_end():
            no_input, streams = open_streams()
            prepare = self.preparation(no_input, streams)
            gc.collect()
            for kept in gc.get_objects():
                self.standing.hold(kept)
            gc.freeze()
            gc.enable()
            prepare()
        raise ImportError

    def measures_end(self):
        """
        Measures, for native.c, the depth of the stack when an interpreter that has run a program clears itself. Returns
        twice: the fork that measures does not have a program, and continues to its end.
        """
        import os

        hear, tell = os.pipe()
        fork = os.fork()
        if fork == 0:
            self.native.warm_measure_end(tell)
            return True
        os.close(tell)
        self.native.warm_set_end(int.from_bytes(os.read(hear, 8), sys.byteorder))
        os.close(hear)
        os.waitpid(fork, 0)
        return False

    def preparation(self, no_input, streams):
        """
        Returns the function that runs when only forking is left to do. All objects it needs are local variables: in a
        fork, every look-up elsewhere copies a page.
        """
        import os
        import site

        native, api, standing = self.native, self.api, self.standing
        serve, input_is_pipe, after_fork = native.warm_serve, native.warm_input_is_pipe, api.PyOS_AfterFork_Child
        modules, names, importers = sys.modules, vars(sys), sys.path_importer_cache
        pread, lseek, close, access = os.pread, os.lseek, os.close, os.access
        encoding, errors = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
        # The zygote's own HOME is empty, so that the variables after it are the same for all.
        home = os.environ['HOME']
        of_site, base, packages = vars(site), site.getuserbase(), site.getusersitepackages()
        base, packages = base.removeprefix(home), packages.removeprefix(home)
        # The rest of the environment is the same for every program, and is not sent each time.
        os.environ.pop(os.fsdecode(FOR_FRESH_ONES))
        env = os.environ._data
        Module = type(sys)
        stdin, stdout, stderr = streams
        standing.streams = stdout, stderr
        for name, stream in zip(('stdin', 'stdout', 'stderr'), streams):
            names[name] = names[f'__{name}__'] = stream
        importers.pop(MAIN, None)

        def prepare():
            api.PyOS_BeforeFork()
            # Use a new __main__: the old one is frozen (gc), and so would be all objects that a program puts into it.
            main = Module('__main__')
            vars(main).update(vars(modules['__main__']), __annotations__={})
            modules['__main__'] = main
            offset = serve()
            after_fork()
            try:
                request = pread(REQUEST_FD, lseek(REQUEST_FD, 0, 2) - abs(offset), abs(offset))
                argc, *rest = request.split(b'\0')[:-1]
                argc = int(argc)
                argv = [argument.decode(encoding, errors) for argument in rest[:argc]]
                for_fresh_ones = {}
                for assignment in rest[argc:]:
                    name, _, value = assignment.partition(b'=')
                    (for_fresh_ones if name == FOR_FRESH_ONES else env)[name] = value
                user = env.get(b'HOME', b'').decode(encoding, errors).rstrip('/')
                of_site['USER_BASE'], of_site['USER_SITE'] = user + base, user + packages
                # Packages of the user belong on the path, and may change anything: use a fresh interpreter.
                if offset < 0 or b'HOME' not in env or access(user + packages, 0):
                    run_fresh(argv, {**env, **for_fresh_ones})
                names['orig_argv'], names['argv'] = argv, argv[1:]
                importers[argv[1]] = None
                # This does the same as ../python for a fresh interpreter.
                names['path'].append(argv[1].rpartition('/')[0])
                if not input_is_pipe():
                    names['stdin'] = names['__stdin__'] = no_input
            except BaseException as error:
                stage = error.stage if isinstance(error, Failed) else RESOURCES
                number = error.error if isinstance(error, Failed) else getattr(error, 'errno', None) or 5
                native.warm_fail(stage, number)
            close(REQUEST_FD)
            # This signals that the program has started.
            close(FAILURE_FD)

        return prepare


def run_fresh(argv, env):
    import os

    try:
        os.execvpe(argv[0], argv, env)
    except OSError as error:
        raise Failed(EXEC, error.errno) from None


if sys.orig_argv[1:] == [MAIN]:
    import os

    sys.path.remove(PLACE)
    sys.path_importer_cache.pop(PLACE, None)
    # An interpreter started within the program has the same settings, but must do nothing here.
    if 'RIPCORD_WARM' in os.environ:
        Warm().wait_for_main()
raise ImportError("No module named 'usercustomize'", name='usercustomize')
