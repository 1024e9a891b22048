# Runs pytest in the judge. A test that pytest would skip silently is an error.
class Reporter:
    """A pytest plugin that records each test's result, and makes sure that everything that looks like a test runs as one."""

    def __init__(self, judge, pytest):
        self.judge, self.pytest, self.results = judge, pytest, {}

    def note(self, report, status):
        path, bracket, params = report.nodeid.partition('[')
        names = path.split('::')
        names[0] = names[0].replace('/', '.')
        if names[0].endswith('.py'):
            names[0] = names[0][:-3]
        name = '.'.join(names) + bracket + params
        took = getattr(report, 'duration', 0) * 1000
        known = self.results.setdefault(report.nodeid, {'name': name, 'status': 'passed', 'message': '', 'durationMs': 0})
        known['durationMs'] += took
        if status != 'passed' and known['status'] in ('passed', 'skipped'):
            known.update(status=status, message=said(report)[:4000])

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.note(report, 'failed' if report.when == 'call' else 'error')
        elif report.skipped:
            self.note(report, 'skipped')
        elif report.when == 'call':
            self.note(report, 'passed')

    def pytest_collectreport(self, report):
        if report.failed:
            self.note(report, 'error')
        elif report.skipped:
            self.note(report, 'skipped')

    def pytest_collection_finish(self):
        self.judge.testing = True

    def pytest_pycollect_makeitem(self, collector, name, obj):
        problem = self.never_collected(collector, name, obj)
        if problem:
            raise collector.CollectError('%s never ran: %s' % (name, problem))

    def never_collected(self, collector, name, obj):
        module = getattr(getattr(collector, 'module', None), '__name__', None)
        if isinstance(obj, Remote):
            return None
        if isinstance(obj, type):
            case = bool(case_class()) and issubclass(obj, case_class())
            if obj.__module__ != module or case or not methods(obj):
                return None
            if not (collector.classnamefilter(name) or collector.istestclass(obj, name)):
                held = vars(getattr(collector, 'obj', None)).values()
                if any(isinstance(other, type) and obj in other.__mro__[1:] for other in held):
                    return None
                return 'the class is neither a TestCase nor called Test…'
            return 'the class has an __init__' if obj.__init__ is not object.__init__ else None
        if callable(obj) and collector.istestfunction(obj, name) and flags(obj) & (GENERATOR | ASYNC_GENERATOR):
            return 'the test is a generator'
        return None

    def pytest_runtest_setup(self, item):
        owner, function = getattr(item, 'cls', None), getattr(item, 'obj', None)
        problem = owner and function and never_awaited(owner, function)
        if problem:
            self.pytest.fail(problem, pytrace=False)

    def pytest_pyfunc_call(self, pyfuncitem):
        names = pyfuncitem._fixtureinfo.argnames
        finish(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
        return True

    def pytest_fixture_setup(self, fixturedef):
        if flags(fixturedef.func) & (COROUTINE | ASYNC_GENERATOR):
            raise TypeError('the fixture %s is asynchronous, which is not supported here' % fixturedef.argname)


def said(report):
    crash = getattr(report.longrepr, 'reprcrash', None)
    if crash is not None:
        return str(crash.message)
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[-1])
    # The last line of a failed import gives the reason.
    last = str(report.longrepr or '').rstrip().split('\n')[-1]
    return last[1:].lstrip() if last.startswith('E ') else last


def judge_pytest(judge, job):
    taken, missing = set(job['modules']), {}
    if taken:
        missing = {root: 'modules does not name it' for root, _ in imports(job['tests']) if root not in taken}
    else:
        taken, missing = modules_of(job['tests'], set(job['libraries']))
    judge.modules = sorted(taken)
    os.environ['PYTEST_DISABLE_PLUGIN_AUTOLOAD'] = '1'
    root = os.path.join(job['directory'], 'tests')
    for name, source in dict({'../pytest.ini': '[pytest]\n'}, **job['tests']).items():
        path = os.path.normpath(os.path.join(root, name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8', newline='') as file:
            file.write(source)
    import pytest
    Reporter.pytest_runtest_setup = pytest.hookimpl(tryfirst=True)(Reporter.pytest_runtest_setup)
    sys.meta_path.insert(0, Finder(judge, taken))
    sys.meta_path.append(Missing(missing))
    reporter = Reporter(judge, pytest)
    os.chdir(root)
    code = pytest.main(['-q', '-p', 'no:cacheprovider', '--rootdir', root, '-c', os.path.join(job['directory'], 'pytest.ini'),
                        *job['args'], root], plugins=[reporter])
    return {'exitCode': int(code), 'tests': list(reporter.results.values())}
