# Finds the modules that the tests import from the code under test, and imports them as proxies.
import importlib.abc, importlib.machinery, importlib.util


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports the listed modules from the code under test. They take precedence over other modules of their names."""

    def __init__(self, judge, modules):
        self.judge, self.modules = judge, modules

    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] not in self.modules:
            return None
        remote = self.judge.request('import', name=name)
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


class Missing(importlib.abc.MetaPathFinder):
    """Reports why a module that the tests import is not taken from the code under test."""

    def __init__(self, reasons):
        self.reasons = reasons

    def find_spec(self, name, path=None, target=None):
        if name in self.reasons:
            raise ModuleNotFoundError('No module named %r: %s' % (name, self.reasons[name]), name=name)


def imports(files):
    """Returns the absolute imports of the tests as pairs: (top level, next level or None)."""
    import ast
    found = set()

    def add(name, names=()):
        root, _, rest = name.partition('.')
        found.update({(root, rest.split('.')[0])} if rest else {(root, n) for n in names} or {(root, None)})

    for path, source in files.items():
        if not path.endswith('.py'):
            continue
        try:
            nodes = list(ast.walk(ast.parse(source)))
        except (SyntaxError, ValueError, RecursionError):
            continue # pytest reports the error.
        for node in nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    add(alias.name)
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                add(node.module, [alias.name for alias in node.names])
            elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                called = getattr(node.func, 'attr', getattr(node.func, 'id', None))
                if called in ('import_module', '__import__', 'importorskip') and type(node.args[0].value) is str:
                    add(node.args[0].value)
    return found


def modules_of(files, libraries):
    """
    Returns the modules under test if the options do not name them: imports of the tests that neither Python, the image
    nor the tests provide. Test libraries are excluded, because their source decides the result of an assertion.
    """
    places = [tuple(path[:-3].split('/')) if path.endswith('.py') else () for path in files]
    own = {place[-1] for place in places if place} | {place[-2] for place in places if place[-1:] == ('__init__',) and place[1:]}
    inner = {pair for place in places for pair in zip(place, place[1:])}
    taken, missing = set(), {}
    for root, second in imports(files):
        if root in own or (root, second) in inner or not root.isidentifier():
            continue
        try:
            if importlib.util.find_spec(root) is not None:
                continue
        except (ImportError, ValueError):
            continue
        if root in libraries:
            missing[root] = 'a test library is not taken from the code under test'
        else:
            taken.add(root)
    return taken, missing
