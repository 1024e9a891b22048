/**
 * The side of an isolated test run that holds the tests and judges. The code under test is never imported here: its
 * functions, classes and modules are proxies, its results plain data of this process.
 */
export const PYTHON_JUDGE = `
import importlib.abc, importlib.machinery, shutil, tempfile, time, traceback, types


class Gone(BaseException):
    """The code under test ended, or broke the protocol. No 'except Exception' of a test may take it for a result."""


class Foreign(Exception):
    """An error of the code under test whose class means nothing here."""

    def __str__(self):
        return self.__dict__.get('_ripcord_text') or super().__str__()

    def __getattr__(self, name):
        error = self.__dict__.get('_ripcord_error')
        if error is None or name.startswith('_'):
            raise AttributeError(name)
        return ask(error, 'builtins.getattr', error, name)


class Remote:
    """Something of the code under test that is no data."""

    def __init__(self, judge, info):
        object.__setattr__(self, '_ripcord', (judge, info['id'], str(info.get('n')), info.get('k')))

    def __getattr__(self, name):
        if name.startswith('__') and name.endswith('__') and name not in ('__name__', '__doc__', '__qualname__', '__dict__', '__version__'):
            raise AttributeError(name)
        return ask(self, 'builtins.getattr', self, name)

    def __setattr__(self, name, value):
        ask(self, 'builtins.setattr', self, name, value)

    def __delattr__(self, name):
        ask(self, 'builtins.delattr', self, name)

    def __call__(self, *args, **kw):
        judge, number, _, _ = object.__getattribute__(self, '_ripcord')
        return judge.call(number, args, kw)

    # Equality with data is decided here, by the type of the data: an object that calls itself equal to everything is
    # equal to nothing. Order is refused for the same reason.
    def __eq__(self, other):
        if self is other:
            return True
        return isinstance(other, Remote) and ask(self, 'operator.eq', self, other) is True

    def __ne__(self, other):
        return not self == other

    __hash__ = object.__hash__

    def __bool__(self):
        return ask(self, 'operator.truth', self) is True

    def __len__(self):
        return ask(self, 'builtins.len', self)

    def __iter__(self):
        iterator = ask(self, 'builtins.iter', self)
        return iterator if iterator is self else (iter(iterator) if not isinstance(iterator, Remote) else iterator)

    def __next__(self):
        return ask(self, 'builtins.next', self)

    def __contains__(self, item):
        return ask(self, 'operator.contains', self, item) is True

    def __getitem__(self, key):
        if isinstance(key, slice):
            key = ask(self, 'builtins.slice', key.start, key.stop, key.step)
        return ask(self, 'operator.getitem', self, key)

    def __setitem__(self, key, value):
        ask(self, 'operator.setitem', self, key, value)

    def __delitem__(self, key):
        ask(self, 'operator.delitem', self, key)

    def __str__(self):
        return text(ask(self, 'builtins.str', self))

    def __repr__(self):
        return text(ask(self, 'builtins.repr', self))

    def __format__(self, spec):
        return text(ask(self, 'builtins.format', self, spec))

    def __enter__(self):
        return ask(self, 'builtins.getattr', self, '__enter__')()

    def __exit__(self, *_):
        ask(self, 'builtins.getattr', self, '__exit__')(None, None, None)

    def __instancecheck__(self, other):
        return isinstance(other, Remote) and ask(self, 'builtins.isinstance', other, self) is True

    def __subclasscheck__(self, other):
        return isinstance(other, Remote) and ask(self, 'builtins.issubclass', other, self) is True


NO_NUMBER = 'an object of the code under test is no number'


class Derived(Remote):
    """What arithmetic of a Remote with data of the tests came to. The Remote it may be as well stays what it is."""

    def __init__(self, remote):
        object.__setattr__(self, '_ripcord', object.__getattribute__(remote, '_ripcord'))

    def __bool__(self):
        raise TypeError(NO_NUMBER)

    # numpy would make an array of whatever the items claim to be, and call methods for its functions.
    __array_ufunc__ = None

    def __array__(self, *_, **__):
        raise TypeError(NO_NUMBER)


def computed(remote, op, *operands):
    """Objects compute with data of the tests, and give no data for it: 'abs(f(x) - 0.5) < 1e-6' would be theirs to say."""
    if any(type(o).__name__ == 'ndarray' for o in operands):
        raise TypeError('an object of the code under test does not compute with arrays')
    result = ask(remote, 'operator.' + op, *operands)
    if all(type(o) is Remote for o in operands):
        return result
    if not isinstance(result, Remote):
        raise TypeError(NO_NUMBER)
    return Derived(result)


def arithmetic(name, swapped):
    def method(self, other):
        return computed(self, name, *((other, self) if swapped else (self, other)))
    return method


for _name in ('add', 'sub', 'mul', 'truediv', 'floordiv', 'mod', 'pow', 'matmul', 'and_', 'or_', 'xor', 'lshift', 'rshift'):
    _plain = _name.rstrip('_')
    setattr(Remote, '__%s__' % _plain, arithmetic(_name, False))
    setattr(Remote, '__r%s__' % _plain, arithmetic(_name, True))
for _name in ('lt', 'le', 'gt', 'ge'):
    def _compare(self, other, _name=_name):
        if not isinstance(other, Remote):
            raise TypeError('an object of the code under test has no order with %s' % type(other).__name__)
        return ask(self, 'operator.' + _name, self, other) is True
    setattr(Remote, '__%s__' % _name, _compare)
for _name in ('neg', 'pos', 'abs', 'invert'):
    def _unary(self, _name=_name):
        return computed(self, _name, self)
    setattr(Remote, '__%s__' % _name, _unary)


def ask(remote, op, *args):
    return object.__getattribute__(remote, '_ripcord')[0].request(op, args)


def text(value):
    return value if type(value) is str else '<no text>'


class Judge(Wire):
    def __init__(self):
        super().__init__(*own_pipe())
        self.remotes, self.classes, self.functions, self.asked, self.broken = {}, {}, [], 0, None

    # -- values

    def encode_other(self, value):
        if isinstance(value, Remote):
            return {'t': 'ref', 'id': object.__getattribute__(value, '_ripcord')[1]}
        if isinstance(value, type) and issubclass(value, Exception):
            number = getattr(value, '_ripcord_number', None)
            if number is not None:
                return {'t': 'ref', 'id': number}
            if value.__module__ == 'builtins':
                return {'t': 'exc', 'n': value.__name__}
        if callable(value):
            self.functions.append(value)
            return {'t': 'fn', 'id': len(self.functions) - 1}
        raise TypeError('%r of the tests cannot be passed to the code under test' % type(value).__name__)

    def decode_other(self, value):
        if value.get('t') != 'obj' or type(value.get('id')) is not int:
            raise ValueError('unknown kind of value')
        if value.get('k') == 'exc':
            return self.exception_class(value)
        number = value['id']
        if number not in self.remotes:
            self.remotes[number] = Remote(self, value)
        return self.remotes[number]

    def exception_class(self, info):
        """A class of ours for one of theirs: 'pytest.raises' and 'except' need a real one."""
        number = info['id']
        if number not in self.classes:
            names = [n for n in info.get('b', []) if type(n) is str]
            known = [getattr(builtins, n, None) for n in names]
            known = [c for c in known if isinstance(c, type) and (issubclass(c, Exception) or c is SystemExit)]
            if info.get('own') and known and known[0].__name__ == names[0]:
                self.classes[number] = known[0]
            else:
                base = known[0] if known and known[0] is not SystemExit else Exception
                bases = (Foreign,) if base is Exception else (Foreign, base)
                try:
                    made = type(str(info.get('n')).split('.')[-1], bases, {'_ripcord_number': number})
                except TypeError:
                    made = type('Error', (Foreign,), {'_ripcord_number': number})
                self.classes[number] = made
        return self.classes[number]

    def error(self, info):
        kind, said = self.decode(info['cls']), str(info.get('text', ''))
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            return Foreign(said)
        try:
            args = self.decode(info.get('args', []))
            error = kind(*args)
        except Exception:
            try:
                error = kind(said)
            except Exception:
                error = Foreign('%s: %s' % (kind.__name__, said))
        if isinstance(error, Foreign):
            error.__dict__.update(_ripcord_text=said, _ripcord_error=self.decode_other(dict(info['obj'], k='obj')))
        return error

    # -- asking

    def ends(self, why):
        self.broken = self.broken or why[:4000]
        raise Gone(self.broken)

    def request(self, op, args=(), kw={}, **more):
        if self.broken:
            raise Gone(self.broken)
        self.asked += 1
        asked = self.asked
        self.touched = self.touched or op not in ('import', 'ping')
        message = dict(more, id=asked, op=op, args=[self.encode(a) for a in args], kw={k: self.encode(v) for k, v in kw.items()})
        self.send('>', message)
        while True:
            try:
                line = self.receive()
            except EOFError:
                self.ends('the judge was cut off')
            if line[:1] == b'x':
                self.ends('the code under test ended: ' + line[1:].decode('utf8', 'replace').strip())
            try:
                answer = json.loads(line[1:])
                if type(answer) is not dict:
                    raise ValueError('no answer')
                if 'cb' in answer:
                    self.called_back(answer)
                    continue
                if answer.get('id') != asked:
                    raise ValueError('an answer nobody asked for')
                if type(answer.get('out')) is str and answer['out']:
                    sys.stdout.write(answer['out'])
                if 'err' in answer:
                    error = self.error(answer['err'])
                    result = None
                else:
                    error = None
                    result = self.decode(answer['ok'])
                    for index, value in (answer.get('args') or {}).items():
                        update(args[int(index)], self.decode(value))
            except Gone:
                raise
            except RecursionError:
                self.ends('the code under test answered with a value nested too deeply')
            except Exception as problem:
                self.ends('the code under test broke the protocol: %s' % problem)
            if error is not None:
                raise error
            self.last = answer
            return ready(result) if answer.get('aw') else result

    def called_back(self, answer):
        try:
            function = self.functions[answer['cb']]
            result = function(*self.decode(answer['args']), **{k: self.decode(v) for k, v in answer['kw'].items()})
            self.send('>', {'ok': self.encode(result)})
        except Exception as error:
            self.send('>', {'err': type(error).__name__, 'text': str(error)})

    def call(self, number, args, kw):
        return self.request('call', args, kw, on=number)

    touched = False


async def ready(value):
    return value


def update(mine, theirs):
    """What a call changed in an argument; as data, like everything else."""
    if type(mine) is not type(theirs):
        raise ValueError('an argument changed its type')
    if type(mine) is list or type(mine) is bytearray:
        mine[:] = theirs
    elif type(mine) in (dict, set):
        mine.clear()
        mine.update(theirs)


class Module(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith('__') and name not in ('__version__', '__author__'):
            raise AttributeError(name)
        return ask(self._ripcord_remote, 'builtins.getattr', self._ripcord_remote, name)

    def __setattr__(self, name, value):
        if name.startswith('_'):
            return super().__setattr__(name, value)
        ask(self._ripcord_remote, 'builtins.setattr', self._ripcord_remote, name, value)

    def __delattr__(self, name):
        if name.startswith('_'):
            return super().__delattr__(name)
        ask(self._ripcord_remote, 'builtins.delattr', self._ripcord_remote, name)


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Modules of the code under test: the listed ones before any other, the rest where nothing else is found."""

    def __init__(self, judge, only):
        self.judge, self.only = judge, only

    def find_spec(self, name, path=None, target=None):
        if self.only is not None and name.split('.')[0] not in self.only:
            return None
        try:
            remote = self.judge.request('import', name=name)
        except ImportError:
            if self.only is not None:
                raise
            return None
        answer = self.judge.last
        spec = importlib.machinery.ModuleSpec(name, self, is_package=answer.get('pkg') is True)
        spec.loader_state = (remote, [n for n in answer.get('names', []) if type(n) is str])
        return spec

    def create_module(self, spec):
        module = Module(spec.name)
        remote, names = spec.loader_state
        types.ModuleType.__setattr__(module, '_ripcord_remote', remote)
        types.ModuleType.__setattr__(module, '__all__', names)
        return module

    def exec_module(self, module):
        pass


def judge_calls(judge, job):
    """Runs tests that are given as source: 'check(candidate)', functions called test_*, or bare asserts."""
    import linecache
    space = {'__name__': 'tests'}

    def execute(source, name):
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)
        exec(compile(source, name, 'exec'), space)

    results = []

    def attempt(name, function):
        started = time.monotonic()
        status, message = 'passed', ''
        try:
            function()
        except AssertionError as error:
            status, message = 'failed', explain(error)
        except BaseException as error:
            status, message = 'error', explain(error)
        results.append({'name': name, 'status': status, 'message': message[-4000:], 'durationMs': (time.monotonic() - started) * 1000})
        return status == 'passed'

    def prepare():
        if job['setup']:
            execute(job['setup'], '<setup>')
        remote = judge.request('import', name=job['module'])
        for name in job['functions']:
            space[name] = ask(remote, 'builtins.getattr', remote, name)
        execute(job['tests'], '<tests>')

    if attempt('import', prepare):
        imported = results.pop()
        check = space.get('check')
        named = [n for n, v in space.items() if n.startswith('test') and isinstance(v, types.FunctionType)]
        if isinstance(check, types.FunctionType):
            first = space[job['functions'][0]] if job['functions'] else None
            attempt('check', lambda: check(first))
        for name in named:
            attempt(name, space[name])
        if not results:
            results.append(dict(imported, name='tests'))
    return {'tests': results}


def explain(error):
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if f.filename in ('<tests>', '<setup>')]
    where = ', '.join('line %d: %s' % (f.lineno, f.line) for f in ours[-1:])
    said = '%s: %s' % (type(error).__name__, error) if str(error) else type(error).__name__
    return '%s (%s)' % (said, where) if where else said


def judge_pytest(judge, job):
    os.environ['PYTEST_DISABLE_PLUGIN_AUTOLOAD'] = '1'
    for name, source in job['files'].items():
        path = os.path.join(job['directory'], name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8', newline='') as file:
            file.write(source)
    import pytest
    if job['modules']:
        sys.meta_path.insert(0, Finder(judge, set(job['modules'])))
    sys.meta_path.append(Finder(judge, None))
    report = os.path.join(job['directory'], 'report.xml')
    root = os.path.join(job['directory'], 'tests')
    os.chdir(root)
    code = pytest.main(['-q', '-p', 'no:cacheprovider', '--rootdir', root, '-c', os.path.join(job['directory'], 'pytest.ini'),
                        '-o', 'junit_family=xunit2', '--junitxml', report, *job['args'], root])
    with open(report, encoding='utf-8') as file:
        return {'exitCode': int(code), 'junit': file.read()}


def main():
    judge = Judge()
    job = json.loads(judge.reader.readline())
    job['directory'] = tempfile.mkdtemp(prefix='ripcord-judge-', dir='/tmp')
    try:
        verdict = {'calls': judge_calls, 'pytest': judge_pytest}[job['kind']](judge, job)
        judge.request('ping')
        verdict.update(broken=None, touched=judge.touched)
    except Gone as gone:
        verdict = {'broken': str(gone)}
    except BaseException as error:
        verdict = {'broken': 'the judge failed: ' + ''.join(traceback.format_exception(error))[-4000:]}
    if judge.broken:
        verdict['broken'] = judge.broken
    verdict['nonce'] = job['nonce']
    shutil.rmtree(job['directory'], ignore_errors=True)
    judge.send('!', verdict)
    os._exit(0)


main()
`;
