# The side of an isolated test run that holds the tests and judges. It never imports the code under test: that code's
# functions, classes and modules are proxies here, and its results are plain data of this process.
import shutil, tempfile


class Judge(Wire):
    def __init__(self):
        super().__init__(*own_pipe())
        self.remotes, self.classes, self.functions, self.asked, self.broken = {}, {}, [], 0, None
        # Object numbers: of objects that the tests call by a capitalized name, of classes, and of objects made by calls
        # of both.
        self.capital, self.types, self.by_tests, self.born, self.lengths, self.changes = {}, set(), set(), {}, {}, 0
        self.testing, self.touched, self.escaped, self.modules = False, False, None, []

    # -- values

    def encode_other(self, value):
        if isinstance(value, Remote):
            return {'t': 'ref', 'id': number_of(value)}
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
            self.remotes[number], self.born[number] = Remote(self, number), self.asked
            if value.get('k') == 'type':
                self.types.add(number)
        return self.remotes[number]

    def exception_class(self, info):
        """Returns a local class for an exception class of the code: 'pytest.raises' and 'except' need a real class."""
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

    # -- requests to the code under test

    def end_with(self, why):
        self.broken = self.broken or why[:4000]
        raise Gone(self.broken)

    def request(self, op, args=(), kw=None, **more):
        if self.broken:
            raise Gone(self.broken)
        self.asked += 1
        asked = self.asked
        if op not in READS:
            self.changes += 1
        # Each 'from solution import add' requests a name, which does not test anything.
        if op not in ('import', 'ping') and (self.testing or op != 'builtins.getattr'):
            self.touched = True
        message = dict(more, id=asked, op=op, args=[self.encode(a) for a in args], kw={k: self.encode(v) for k, v in (kw or {}).items()})
        self.send('>', message)
        while True:
            try:
                line = self.receive()
            except EOFError:
                self.end_with('the connection to the judge ended')
            if line[:1] == b'x':
                self.end_with('the code under test ended: ' + line[1:].decode('utf8', 'replace').strip())
            try:
                answer = read(line[1:])
                if type(answer) is not dict:
                    raise ValueError('the answer is not an object')
                if 'cb' in answer:
                    self.called_back(answer)
                    continue
                if answer.get('id') != asked:
                    raise ValueError('an answer without a request')
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
                self.end_with('the code under test answered with a value nested too deeply')
            except Exception as problem:
                self.end_with('the code under test broke the protocol: %s' % problem)
            if self.escaped is not None:
                escaped, self.escaped = self.escaped, None
                raise escaped
            if error is not None:
                raise error
            if not isinstance(result, (Remote, type)) and op not in ('import', 'ping'):
                self.touched = True
            self.last = answer
            return ready(result) if answer.get('aw') else result

    def called_back(self, answer):
        try:
            function = self.functions[answer['cb']]
            result = function(*self.decode(answer['args']), **{k: self.decode(v) for k, v in answer['kw'].items()})
            self.send('>', {'ok': self.encode(result)})
        except Gone:
            raise
        except BaseException as error:
            # An assertion in a test's own function fails the test, even if the code that called it catches the error.
            if isinstance(error, AssertionError) or not isinstance(error, Exception):
                self.escaped = self.escaped or error
            self.send('>', {'err': type(error).__name__, 'text': str(error)})

    def call(self, remote, args, kw):
        before = self.asked
        result = self.request('call', args, kw, on=number_of(remote))
        number = number_of(remote)
        # A function may have a capitalized name like a class. Its return value is a result.
        return self.make(result, before) if self.capital.get(number) and number in self.types else result

    # -- the maker of an object: the tests make 'Vector(3, 4)', while 'norm(v)' may return anything

    def attribute(self, remote, name):
        value = ask(remote, 'builtins.getattr', remote, name)
        if isinstance(value, Remote):
            number = number_of(value)
            # Check all of its names: the code may return a class where the tests expect a function.
            self.capital[number] = self.capital.get(number, True) and name.lstrip('_')[:1].isupper()
        return value

    named = attribute

    def make(self, result, before):
        if isinstance(result, Remote) and self.born.get(number_of(result), 0) > before:
            self.by_tests.add(number_of(result))
        return result

    def made(self, remote):
        return number_of(remote) in self.by_tests

    # -- lengths: a reported length holds until a call may have changed it

    def length(self, remote):
        if self.promised(remote) is None:
            self.lengths[number_of(remote)] = (self.changes, ask(remote, 'builtins.len', remote))
        return self.promised(remote)

    def promised(self, remote):
        changes, length = self.lengths.get(number_of(remote), (None, None))
        return length if changes == self.changes else None


# Requests that do not change anything in honest code.
READS = ('ping', 'import') + tuple('builtins.' + n for n in ('len', 'iter', 'getattr', 'str', 'repr', 'format', 'isinstance', 'issubclass')) + tuple(
    'operator.' + n for n in ('getitem', 'contains', 'truth', 'eq', 'lt', 'le', 'gt', 'ge'))


async def ready(value):
    return value


def update(mine, theirs):
    """Applies the changes that a call made to an argument. They are data, like all answers."""
    if type(mine) is not type(theirs):
        raise ValueError('an argument changed its type')
    if type(mine) is list or type(mine) is bytearray:
        mine[:] = theirs
    elif type(mine) in (dict, set):
        mine.clear()
        mine.update(theirs)


def main():
    if hasattr(sys, 'set_int_max_str_digits'):
        # Tests may contain, print and compare long integers; the limit keeps that fast.
        sys.set_int_max_str_digits(100000)
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
    verdict.update(nonce=job['nonce'], modules=judge.modules)
    shutil.rmtree(job['directory'], ignore_errors=True)
    for test in verdict.pop('tests', ()):
        judge.send('.', test)
    judge.send('!', verdict)
    os._exit(0)


main()
