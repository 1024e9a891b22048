# Runs tests that are given as source. A test that would not run is an error.
import time, traceback

GENERATOR, COROUTINE, ASYNC_GENERATOR = 0x20, 0x80, 0x200


def flags(function):
    return getattr(getattr(getattr(function, '__func__', function), '__code__', None), 'co_flags', 0)


def finish(result):
    """Completes a test: awaits its coroutine, and checks its return value, because no other code does."""
    if isinstance(result, types.CoroutineType):
        import asyncio
        result = asyncio.run(result)
    if isinstance(result, (types.GeneratorType, types.AsyncGeneratorType)):
        raise TypeError('the test is a generator, and none of it ran')
    if type(result).__name__ in ('bool', 'bool_') and not result:
        raise AssertionError('the test returned False')


def methods(cls):
    return [n for n in dir(cls) if n.startswith('test') and callable(getattr(cls, n)) and not isinstance(getattr(cls, n), Remote)]


def case_class():
    """Returns unittest.TestCase if the tests have loaded it."""
    return getattr(sys.modules.get('unittest.case'), 'TestCase', ())


def never_awaited(owner, function):
    """Returns the reason why a test method would not run, or None."""
    asynchronous = flags(function) & (COROUTINE | ASYNC_GENERATOR)
    if case_class() and issubclass(owner, case_class()):
        base = getattr(sys.modules.get('unittest.async_case'), 'IsolatedAsyncioTestCase', ())
        if asynchronous and not (base and issubclass(owner, base)):
            return 'unittest awaits only the tests of an IsolatedAsyncioTestCase: this one never ran'
    if flags(function) & (GENERATOR | ASYNC_GENERATOR):
        return 'the test is a generator, and none of it ran'
    return None


class Suite:
    """Tests given as source: 'check(candidate)', functions and classes called test…, or bare asserts."""

    def __init__(self, judge, job):
        self.judge, self.job, self.space, self.results = judge, job, {'__name__': 'tests'}, []

    def execute(self, source, name):
        import linecache
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)
        exec(compile(source, name, 'exec'), self.space)

    def note(self, name, status, message='', started=None):
        took = 0 if started is None else (time.monotonic() - started) * 1000
        self.results.append({'name': name, 'status': status, 'message': message[-4000:], 'durationMs': took})

    def attempt(self, name, function, *args):
        started = time.monotonic()
        try:
            finish(function(*args))
        except AssertionError as error:
            self.note(name, 'failed', explain(error), started)
        except BaseException as error:
            self.note(name, 'skipped' if is_skip(error) else 'error', explain(error), started)
        else:
            self.note(name, 'passed', '', started)

    def prepare(self):
        if self.job['setup']:
            self.execute(self.job['setup'], '<setup>')
        remote = self.judge.request('import', name=self.job['module'])
        for name in self.job['functions']:
            self.space[name] = self.judge.attribute(remote, name)
        self.execute(self.job['tests'], '<tests>')

    def run(self):
        self.attempt('import', self.prepare)
        if self.results[0]['status'] != 'passed':
            return {'tests': self.results}
        imported = self.results.pop()
        self.judge.testing = True
        own = {n: v for n, v in self.space.items() if callable(v) and not isinstance(v, Remote)}
        classes = [(n, v) for n, v in own.items() if isinstance(v, type) and v.__module__ == 'tests']
        if 'check' in own and not isinstance(own['check'], type):
            first = self.space[self.job['functions'][0]] if self.job['functions'] else None
            self.attempt('check', own['check'], first)
        elif isinstance(own.get('check'), type):
            self.note('check', 'error', 'a class is not a test: expected a function')
        for name, value in own.items():
            if name.startswith('test') and not isinstance(value, type):
                self.attempt(name, value)
        for _, cls in classes:
            if case_class() and issubclass(cls, case_class()):
                self.run_case(cls)
            elif methods(cls) and not any(cls in other.__mro__[1:] for _, other in classes):
                self.run_class(cls)
        idle = []
        if not self.results:
            self.results.append(dict(imported, name='tests'))
            idle = [n for n, v in own.items() if getattr(getattr(v, '__code__', None), 'co_filename', None) == '<tests>']
        return {'tests': self.results, 'idle': idle[:5]}

    def run_case(self, cls):
        import unittest
        suite = self

        class Result(unittest.TestResult):
            def startTest(self, test):
                super().startTest(test)
                self.started = time.monotonic()
            def told(self, test, status, message=''):
                name = test.id()
                suite.note(name[6:] if name.startswith('tests.') else name, status, message, getattr(self, 'started', None))
            def addSuccess(self, test):
                self.told(test, 'passed')
            def addFailure(self, test, error):
                self.told(test, 'failed', explain(error[1]))
            def addError(self, test, error):
                self.told(test, 'error', explain(error[1]))
            def addSkip(self, test, reason):
                self.told(test, 'skipped', str(reason))
            def addExpectedFailure(self, test, error):
                self.told(test, 'skipped', 'it failed as expected')
            def addUnexpectedSuccess(self, test):
                self.told(test, 'failed', 'it was expected to fail')
            def addSubTest(self, test, subtest, error):
                if error is not None:
                    self.told(subtest, 'failed' if issubclass(error[0], test.failureException) else 'error', explain(error[1]))

        names = unittest.defaultTestLoader.getTestCaseNames(cls)
        for name in names:
            problem = never_awaited(cls, getattr(cls, name))
            if problem:
                self.note('%s.%s' % (cls.__name__, name), 'error', problem)
        unittest.defaultTestLoader.loadTestsFromTestCase(cls).run(Result())

    def run_class(self, cls):
        if cls.__init__ is not object.__init__ or not cls.__name__.startswith('Test'):
            why = 'has an __init__' if cls.__name__.startswith('Test') else 'is neither a TestCase nor called Test…'
            self.note(cls.__name__, 'error', 'its tests never ran: the class ' + why)
            return
        if not self.around(cls, 'setup_class'):
            return
        for name in methods(cls):
            def run(name=name):
                instance = cls()
                function = getattr(instance, name)
                hook(instance, 'setup_method', function)
                try:
                    finish(function())
                finally:
                    hook(instance, 'teardown_method', function)
            self.attempt('%s.%s' % (cls.__name__, name), run)
        self.around(cls, 'teardown_class')

    def around(self, cls, name):
        try:
            hook(cls, name, cls)
        except BaseException as error:
            self.note('%s.%s' % (cls.__name__, name), 'error', explain(error))
            return False
        return True


def hook(owner, name, argument):
    function = getattr(owner, name, None)
    if function is None:
        return
    code = getattr(getattr(function, '__func__', function), '__code__', None)
    bound = 1 if isinstance(function, types.MethodType) else 0
    finish(function(*[argument][:code.co_argcount - bound] if code else []))


def is_skip(error):
    known = [getattr(sys.modules.get('unittest.case'), 'SkipTest', None), getattr(sys.modules.get('_pytest.outcomes'), 'Skipped', None)]
    return any(kind and isinstance(error, kind) for kind in known)


def explain(error):
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if f.filename in ('<tests>', '<setup>')]
    where = ', '.join('line %d: %s' % (f.lineno, f.line) for f in ours[-1:])
    try:
        said = str(error)
    except Exception:
        said = ''
    said = '%s: %s' % (type(error).__name__, said) if said else type(error).__name__
    return '%s (%s)' % (said, where) if where else said


def judge_calls(judge, job):
    judge.modules = [job['module']]
    return Suite(judge, job).run()
