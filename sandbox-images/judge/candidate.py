# The side of an isolated test run that imports the code under test. Only the values that it sends are used; it is not
# trusted.
import importlib, io, operator, types


class Candidate(Wire):
    def __init__(self):
        super().__init__(*own_pipe())
        self.things, self.numbers, self.calls = [], {}, 0

    def number(self, value):
        key = id(value)
        if key not in self.numbers:
            self.numbers[key] = len(self.things)
            self.things.append(value)
        return self.numbers[key]

    def encode_other(self, value):
        answer = {'t': 'obj', 'id': self.number(value), 'k': 'obj', 'n': getattr(value, '__qualname__', type(value).__qualname__)}
        if isinstance(value, type):
            answer['k'] = 'type'
            if issubclass(value, BaseException):
                answer['k'] = 'exc'
                answer['b'] = [c.__name__ for c in value.__mro__ if c.__module__ == 'builtins']
                answer['own'] = value.__module__ == 'builtins'
        elif isinstance(value, types.ModuleType):
            answer['k'] = 'mod'
        elif callable(value):
            answer['k'] = 'fn'
        return answer

    def decode_other(self, value):
        if value['t'] == 'ref':
            return self.things[value['id']]
        if value['t'] == 'fn':
            return lambda *args, **kw: self.call_back(value['id'], args, kw)
        if value['t'] == 'exc':
            return getattr(builtins, value['n'])
        raise ValueError(value['t'])

    def call_back(self, number, args, kw):
        self.send('', {'cb': number, 'args': [self.encode(a) for a in args], 'kw': {k: self.encode(v) for k, v in kw.items()}})
        answer = read(self.receive())
        if 'err' in answer:
            raise getattr(builtins, answer['err'], RuntimeError)(answer['text'])
        return self.decode(answer['ok'])

    def serve(self):
        while True:
            try:
                request = read(self.receive())
            except EOFError:
                return
            before, sys.stdout = sys.stdout, io.StringIO()
            try:
                answer = self.perform(request)
            except BaseException as error:
                answer = {'err': self.describe(error)}
            out, sys.stdout = sys.stdout, before
            try:
                printed = str(out.getvalue())[:65536]
            except BaseException:
                printed = ''
            try:
                self.send('', dict(answer, id=request['id'], out=printed))
            except (ValueError, OverflowError, RecursionError) as error:
                self.send('', {'err': self.describe(error), 'id': request['id'], 'out': printed})

    def describe(self, error):
        try:
            text = str(error)
        except BaseException:
            text = ''
        try:
            args = self.encode(list(error.args))
        except BaseException:
            args = [text]
        return {'cls': self.encode(type(error)), 'args': args, 'text': text[:65536], 'obj': self.encode_other(error)}

    def perform(self, request):
        op = request['op']
        if op == 'ping':
            return {'ok': None}
        if op == 'import':
            module = importlib.import_module(request['name'])
            names = getattr(module, '__all__', None) or [n for n in dir(module) if not n.startswith('_')]
            return {'ok': self.encode(module), 'names': [str(n) for n in names], 'pkg': hasattr(module, '__path__')}
        args = [self.decode(a) for a in request.get('args', [])]
        kw = {k: self.decode(v) for k, v in request.get('kw', {}).items()}
        before = [written(a) for a in request.get('args', [])]
        if op == 'call':
            function = self.things[request['on']]
        else:
            scope, name = op.split('.')
            function = getattr({'builtins': builtins, 'operator': operator}[scope], name)
        result = function(*args, **kw)
        answer = {}
        if isinstance(result, types.CoroutineType):
            import asyncio
            result, answer['aw'] = asyncio.run(result), True
        answer['ok'] = self.encode(result)
        changed = {}
        for index, arg in enumerate(args):
            if type(arg) in (list, dict, set, bytearray):
                after = self.encode(arg)
                if written(after) != before[index]:
                    changed[str(index)] = after
        if changed:
            answer['args'] = changed
        return answer


sys.path.insert(0, '')
Candidate().serve()
os._exit(0)
