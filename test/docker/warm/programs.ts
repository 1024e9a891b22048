/** Programs that look at what surrounds them, or end in an unusual way: a fork of a warm interpreter must be no different. */
import type { RunCodeOptions } from 'ripcord-sandbox';

export interface OddProgram {
  code: string;
  options?: RunCodeOptions;
}

/** Prints everything that a program can read about its interpreter at its start. */
const surroundings = `
import sys, os, json, site, signal, warnings, gc, threading, locale, resource, stat, time
def streams():
    for s in (sys.stdin, sys.stdout, sys.stderr):
        raw = getattr(s.buffer, 'raw', s.buffer)
        yield [s.name, s.mode, s.encoding, s.errors, s.line_buffering, s.write_through, s.fileno(), s.isatty(),
               s.readable(), s.writable(), s.seekable(), repr(s), type(s.buffer).__name__, raw.name, raw.closefd,
               raw.mode, stat.S_IFMT(os.fstat(s.fileno()).st_mode), s.newlines]
facts = {
  'argv': sys.argv, 'orig_argv': sys.orig_argv, 'path': sys.path, 'flags': repr(sys.flags), 'executable': sys.executable,
  'prefix': [sys.prefix, sys.base_prefix, sys.exec_prefix], 'warnoptions': sys.warnoptions, 'xoptions': sys._xoptions,
  'main': {k: repr(v).split(' object at')[0] for k, v in sys.modules['__main__'].__dict__.items() if k.startswith('__')},
  'hooks': [sys.excepthook is sys.__excepthook__, sys.displayhook is sys.__displayhook__, sys.gettrace(), sys.getprofile(),
            [repr(f) for f in sys.meta_path], len(sys.path_hooks), sys.unraisablehook is sys.__unraisablehook__],
  'limits': [sys.getrecursionlimit(), sys.getswitchinterval(), sys.get_int_max_str_digits(), gc.get_threshold(), gc.isenabled(),
             gc.get_debug(), gc.callbacks],
  'site': [site.ENABLE_USER_SITE, site.USER_SITE, site.USER_BASE, site.PREFIXES],
  'env': dict(os.environ), 'cwd': os.getcwd(), 'umask': os.umask(0o22), 'ids': os.getresuid() + os.getresgid(),
  'groups': os.getgroups(), 'session': os.getpid() == os.getsid(0) == os.getpgid(0), 'nice': os.nice(0),
  'affinity': sorted(os.sched_getaffinity(0)), 'scheduler': os.sched_getscheduler(0), 'fds': sorted(os.listdir('/proc/self/fd')),
  'rlimits': {n: resource.getrlimit(getattr(resource, n)) for n in dir(resource) if n.startswith('RLIMIT_')},
  'signals': {str(s): repr(signal.getsignal(s)).split(' at ')[0] for s in signal.valid_signals()},
  'mask': repr(signal.pthread_sigmask(signal.SIG_BLOCK, [])), 'wakeup': signal.set_wakeup_fd(-1),
  'timers': [signal.getitimer(t) for t in (0, 1, 2)],
  'status': {l.split(':')[0]: l.split(':')[1].split() for l in open('/proc/self/status')
             if l.startswith(('Name', 'Umask', 'Tracer', 'Uid', 'Gid', 'Groups', 'Sig', 'Shd', 'Cap', 'NoNew', 'Seccomp', 'Threads', 'Core'))
             and not l.startswith('SigQ')},
  'proc': [os.stat('/proc/self/mem').st_uid, open('/proc/self/oom_score_adj').read(), open('/proc/self/comm').read(),
           os.readlink('/proc/self/exe'), open('/proc/self/coredump_filter').read()],
  'parent': open(f'/proc/{os.getppid()}/comm').read(),
  'threads': [threading.main_thread().native_id == os.getpid(), threading.current_thread().name, threading.active_count()],
  'warnings': [repr(f) for f in warnings.filters], 'locale': [locale.getlocale(), locale.getpreferredencoding()],
  'importer': [p for p in sys.path_importer_cache if p.endswith('.py')], 'zone': time.tzname, 'streams': list(streams()), 'below': sys._getframe().f_back is None,
  'std': [sys.stdin is sys.__stdin__, sys.stdout is sys.__stdout__, sys.stderr is sys.__stderr__],
}
json.dump(facts, sys.stdout, indent=1, sort_keys=True)
`;

const python = (code: string, options?: RunCodeOptions): OddProgram => ({ code, ...(options && { options }) });

export const oddPrograms: Record<string, OddProgram> = {
  'looks around': python(surroundings, { args: ['a b', '', 'ü'] }),
  'looks around, with input': python(surroundings, { stdin: 'x', env: { GREETING: 'grüße', EMPTY: '' } }),
  'prints its environment, of which a part is its own': python(
    'import os, subprocess\nprint(dict(sorted(os.environ.items())))\nprint(*sorted(subprocess.check_output("env").splitlines()), sep="\\n")',
    { env: { PIP_RETRIES: '7', OMP_NUM_THREADS: '', UV_RETRIES: '2', HOME: '/nonexistent', TMPDIR: '/workspace' } },
  ),
  'is empty': python(''),
  'exits with a number': python('import sys\nprint("out")\nsys.exit(7)'),
  'exits with a text': python('raise SystemExit("a reason")'),
  'exits with a large number': python('raise SystemExit(258)'),
  'exits with None': python('raise SystemExit'),
  'exits at once': python('import os\nprint("lost?", end="")\nos._exit(9)'),
  raises: python('def f(x):\n    return g(x) + 1\ndef g(x):\n    return 1 / x\nf(0)'),
  'raises in a chain': python('try:\n    {}["a"]\nexcept KeyError as e:\n    raise ValueError("b") from e'),
  'raises a group': python('raise ExceptionGroup("many", [ValueError(1), TypeError(2)])'),
  'does not parse': python('def f(:\n    pass'),
  'has a NUL': python('print(1)\n\0print(2)'),
  'has a declared encoding': python('# -*- coding: latin-1 -*-\nprint(len("ü"), ascii("ü"))'),
  'recurses without end': python(
    'def f(n):\n    global deepest\n    deepest = n\n    f(n + 1)\ntry:\n    f(1)\nexcept RecursionError as e:\n    print(deepest, e)\nf(1)',
  ),
  'might be an archive': python('import sys; print(sys.argv) # PK\u0005\u0006'),
  'is interrupted': python('import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nprint("never")'),
  'handles a signal': python(
    'import os, signal\nsignal.signal(signal.SIGUSR1, lambda s, f: print("caught", s, f.f_lineno))\nos.kill(os.getpid(), signal.SIGUSR1)\nprint("on")',
  ),
  'kills itself': python('import os\nprint("before")\nos.kill(os.getpid(), 9)'),
  aborts: python('import os\nos.abort()'),
  crashes: python('import ctypes\nctypes.string_at(0)'),
  'has a reader that went': python('import os\nos.close(1)\nprint("x")'),
  'fails to flush': python('import sys\nsys.stdout = open("/dev/full", "w")\nprint("x")'),
  'mixes its streams': python(
    'import sys, os\nfor i in range(3):\n    print("o", i)\n    print("e", i, file=sys.stderr)\n    os.write(1, b"raw\\n")\nsys.stdout.write("no end")',
  ),
  'has last words': python(
    'import atexit, weakref\nclass A:\n    def __del__(self): print("del", self.n)\na = A(); a.n = 1\nb = A(); b.n = 2; b.me = b\natexit.register(print, "atexit")\nweakref.finalize(a, print, "finalize")\ndef g():\n    try:\n        yield\n    finally:\n        print("generator closed")\nkept = g(); next(kept)\nprint("end")',
  ),
  'leaves something on standard modules': python(
    'import json, os, sys, textwrap, typing\nclass A:\n    def __init__(self, n): self.n = n\n    def __del__(self): print("del", self.n, sys is not None)\nfor at in (json, os, textwrap, typing): at.mine = A(at.__name__)\nos.sep = A("sep")\nsys.mine = A("sys")\n__builtins__.mine = A("builtins")',
  ),
  'imports in its last words': python(
    'import atexit\ndef last():\n    import os, json, shlex\n    print(os.sep, json.dumps(1), shlex.quote("a b"))\natexit.register(last)\nclass A:\n    def __del__(self):\n        try:\n            import os, json, fractions\n            print("imported")\n        except ImportError as e:\n            print(e)\na = A()',
  ),
  'has the last words said early': python(
    'import atexit\natexit.register(print, "said")\natexit._run_exitfuncs()\nimport os, json, typing, fractions\nprint(os.path.join("a", "b"), fractions.Fraction(1, 2))\natexit._clear()',
  ),
  'ends while a thread imports': python(
    'import threading\ndef work():\n    while True:\n        import os, json, random\n        os.getpid()\nthreading.Thread(target=work, daemon=True).start()\nprint("end")',
  ),
  'leaves a file unflushed': python('f = open("unflushed.txt", "w")\nf.write("kept")'),
  warns: python(
    'import warnings\nwarnings.warn("one")\nwarnings.warn("two", DeprecationWarning, stacklevel=2)\ndef f(): warnings.warn("three", stacklevel=2)\nf()\nprint(0 is 0)',
  ),
  'reads input': python('name = input("name? ")\nprint(name, [l for l in __import__("sys").stdin])', {
    stdin: 'Ada\nb\nc',
  }),
  'wants input and gets none': python('input("name? ")'),
  'knows its own source': python(
    'import inspect, linecache, sys\ndef f():\n    # said here\n    return 1\nprint(inspect.getsource(f), inspect.getsourcelines(f)[1])\nprint(open(__file__).read().count("said"), linecache.getline(__file__, 2))\nprint(inspect.stack()[0].function, len(inspect.stack()))\nimport traceback\ntraceback.print_stack()',
  ),
  'is imported by its own name': python(
    'import __main__, pickle\nclass C: pass\nprint(pickle.loads(pickle.dumps(C())).__class__ is __main__.C, __name__, C.__module__)',
  ),
  'starts threads': python(
    'import threading, queue\nq = queue.Queue()\nts = [threading.Thread(target=lambda i=i: q.put(i * i)) for i in range(8)]\n[t.start() for t in ts]; [t.join() for t in ts]\nprint(sorted(q.queue))\nthreading.Thread(target=lambda: (__import__("time").sleep(0.05), print("late"))).start()\nraise ValueError("main is over")',
  ),
  'raises in a thread': python(
    'import threading\nt = threading.Thread(target=lambda: 1 / 0, name="worker")\nt.start(); t.join()',
  ),
  'starts processes': python(
    'import subprocess, sys\nr = subprocess.run([sys.executable, "-c", "import sys; print(sys.flags.unbuffered, sys.path[0]); sys.exit(3)"], capture_output=True, text=True)\nprint(r)\nprint(subprocess.check_output("echo $0 $$PPID | tr -d 0-9", shell=True))',
  ),
  forks: python(
    'import os\npid = os.fork()\nif pid == 0:\n    print("child"); os._exit(4)\nprint(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))',
  ),
  'forks workers': python(
    'import multiprocessing as m\ndef square(x): return x * x\nif __name__ == "__main__":\n    with m.get_context("fork").Pool(2) as p: print(p.map(square, range(5)))',
  ),
  'spawns workers': python(
    'import multiprocessing as m\ndef square(x): return x * x\nif __name__ == "__main__":\n    with m.get_context("spawn").Pool(2) as p: print(p.map(square, range(5)))',
  ),
  'runs coroutines': python(
    'import asyncio\nasync def f(n):\n    await asyncio.sleep(0.01 * n)\n    return n\nasync def main():\n    print(await asyncio.gather(*(f(n) for n in (3, 1, 2))))\n    p = await asyncio.create_subprocess_exec("echo", "hi", stdout=-1)\n    print(await p.communicate())\nasyncio.run(main())',
  ),
  'leaves a daemon': python(
    'import subprocess\nsubprocess.Popen(["sleep", "600"], start_new_session=True)\nprint("gone")',
  ),
  'imports the usual': python(
    'import re, json, random, dataclasses, decimal, fractions, statistics, datetime, typing, enum, copy, heapq, bisect, string, math, textwrap\n@dataclasses.dataclass\nclass P:\n    x: int\n    y: "list[int]" = dataclasses.field(default_factory=list)\nclass E(enum.Enum): A = 1\nrandom.seed(4)\nprint(P(1), E.A, random.random(), json.dumps({"a": [1, None]}), decimal.Decimal(1) / 3, fractions.Fraction(3, 9), statistics.median([3, 1, 2]), re.sub("a+", "b", "caat"), datetime.date(2020, 2, 29), typing.get_type_hints(P), textwrap.fill("a b c", 3), copy.deepcopy([[1]]))\nfor m in (json, re, random, dataclasses): print(m.__spec__.name, m.__spec__.origin, m.__file__, m.__cached__, type(m.__loader__).__name__, type(m.__spec__.loader).__module__)',
  ),
  'has a module of that name': python(
    'import pathlib\npathlib.Path("statistics.py").write_text("print(\'mine\')\\nmean = lambda x: 42\\n")\npathlib.Path("re.py").write_text("raise ImportError(\'my re\')\\n")\nimport statistics\nprint(statistics.mean([1]), statistics.__file__)\ntry:\n    import json\nexcept ImportError as e: print(e)\nimport os; os.remove("statistics.py"); os.remove("re.py")\nimport json, re; print(json.dumps([1]), re.__file__)',
  ),
  'replaces modules': python(
    'import sys, types\nsys.modules["copyreg"] = types.ModuleType("copyreg"); sys.modules["copyreg"].pickle = lambda *a: print("pickle", *map(str, a[:1]))\nimport re\nprint(re.__name__)\nsys.modules["json"] = None\ntry:\n    import json\nexcept ImportError as e: print(e)\ndel sys.modules["re"]\nimport re as again\nprint(again is not re)\nimport importlib\nprint(importlib.reload(again) is again)',
  ),
  'sees submodules only when imported': python(
    'import json, collections, importlib, xml\nprint(hasattr(xml, "etree"), hasattr(collections, "abc"), hasattr(json, "tool"))\nimport importlib.util\nspec = importlib.util.find_spec("decimal")\nprint(spec.name, spec.origin, spec.has_location, spec.cached)\nimport decimal\nprint(sorted(vars(decimal))[:5])',
  ),
  'asks who calls': python(
    'import sys, logging\nlogging.basicConfig(format="%(levelname)s %(funcName)s %(lineno)d %(filename)s")\nlogging.warning("x")\ndef f(): return sys._getframe(1).f_code.co_name, sys._getframe(1).f_lineno\nprint(f())\ntry:\n    sys._getframe(1)\nexcept ValueError as e: print(e)',
  ),
  'sets a trace': python(
    'import sys\nseen = []\ndef trace(f, e, a):\n    seen.append((f.f_code.co_name, e)); return trace\nsys.settrace(trace)\ndef g(): return 1\ng()\nsys.settrace(None)\nprint(seen)',
  ),
  'has a hook for exceptions': python(
    'import sys\nsys.excepthook = lambda t, v, tb: print("hooked", t.__name__, v, tb.tb_lineno)\n1 / 0',
  ),
  'forgets in a hook what was raised': python(
    'import sys\ndef hook(*raised):\n    print("hook")\n    for name in ("last_type", "last_value", "last_traceback"): delattr(sys, name)\nsys.excepthook = hook\n1 / 0',
  ),
  'raises where there is no hook': python('import sys\ndel sys.excepthook\n1 / 0'),
  'leaves in its last words': python('import atexit, sys\natexit.register(sys.exit, 5)\nprint("x")'),
  'has no output any more': python('import sys\nprint("x")\nsys.stdout.detach()'),
  'closes its output': python('import sys\nprint("x")\nsys.stdout.close()\nsys.stderr.close()'),
  'cannot write its last words': python(
    'import atexit, os, sys\nsys.stdout.reconfigure(write_through=False)\nos.close(1)\nos.open("/dev/full", os.O_WRONLY)\natexit.register(print, "x", end="")',
  ),
  'listens to the very end': python(
    'import os, sys\ndef hear(event, arguments, write=os.write):\n    if event.startswith("cpython."): write(2, event.encode() + b"\\n")\nsys.addaudithook(hear)',
  ),
  'has things end late': python(
    'import builtins, gc, json, os, sys\nclass Late:\n    def __init__(self, name): self.name = name\n    def __del__(self, write=os.write): write(1, self.name.encode() + b"\\n")\nmain, builtins.x, sys.x, json.x, Late.x = map(Late, ("main", "builtins", "sys", "json", "class"))\nring = [Late("ring")]; ring.append(ring); del ring\ndef f(x=Late("default")): yield x\nunfinished = f(); next(unfinished)',
  ),
  'writes by the C library': python('import ctypes\nctypes.CDLL(None).printf(b"buffered")'),
  'has a C library that knows its processor': python(
    'import ctypes, os\nlibc = ctypes.CDLL(None)\nfor cpu in sorted(os.sched_getaffinity(0)):\n    os.sched_setaffinity(0, {cpu}); print(cpu, libc.sched_getcpu())',
  ),
  'has an interpreter within': python(
    'import _xxsubinterpreters as inner\ninner.run_string(inner.create(), "import sys; print(1, sys.path)")',
  ),
  'uses numpy': python('import numpy as np\nprint(np.arange(6).reshape(2, 3) @ np.ones((3, 2)))'),
  'runs out of time': python('import time\nprint("before")\ntime.sleep(600)', { timeoutMs: 1500, killGraceMs: 100 }),
  'says too much': python('while True: print("x" * 1000)', { maxOutputBytes: 10_000, onOutputLimit: 'kill' }),
  'runs out of memory': python('x = []\nwhile True: x.append(bytearray(10_000_000))'),
  'starts elsewhere': python('import os, sys\nprint(os.getcwd(), sys.path[0], os.listdir("."))', { cwd: '/tmp' }),
  'starts nowhere': python('print(1)', { cwd: '/nowhere' }),
  'starts where it may not write': python('import os, sys\nprint(os.getcwd(), sys.path[0])', { cwd: '/usr' }),
  'starts at the root': python('import os, sys\nprint(os.getcwd(), sys.path)', { cwd: '/' }),
  'puts output beside itself': python('open(__file__ + ".txt", "w")'),
  'imports its neighbours, and itself': python(
    'import os, sys\nopen("neighbour.py", "w").write("import main\\nprint(__name__, main.__file__)")\nif __name__ == "__main__":\n    import neighbour\n    os.remove("neighbour.py")\n    print(sys.path)',
  ),
};
