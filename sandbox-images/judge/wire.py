# Python shared by both sides of an isolated test run: the encoding of values. Only data is sent; other objects stay in
# their process and are identified by a number. Nothing is ever unpickled.
import base64, builtins, contextlib, json, math, os, sys

MAX_LINE = 8 * 1024 * 1024
# One level of a value takes up to three levels of JSON and two stack frames.
MAX_DEPTH = 1000
DEPTH_FRAMES = 6000
PLAIN = (type(None), bool, str)


@contextlib.contextmanager
def room():
    """Raises the recursion limit, because values may be nested deeper than Python's default allows."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(limit + DEPTH_FRAMES)
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def read(line):
    with room():
        return json.loads(line)


def written(message):
    with room():
        return json.dumps(message, separators=(',', ':'))


class TooDeep(Exception):
    """A value is nested too deeply."""


class Wire:
    """Sends and receives JSON lines. Subclasses encode and decode objects that are not data."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    def send(self, prefix, message):
        line = prefix + written(message) + '\n'
        if len(line) > MAX_LINE:
            raise OverflowError('a value of more than %d bytes cannot cross' % MAX_LINE)
        self.writer.write(line.encode('ascii'))
        self.writer.flush()

    def receive(self):
        line = self.reader.readline(MAX_LINE + 1)
        if not line.endswith(b'\n'):
            raise EOFError('the pipe ended')
        return line

    depth = 0

    def encode(self, value):
        kind = type(value)
        if kind in PLAIN:
            return value
        if isinstance(value, int) and not is_enum(value):
            # JSON allows integers of any size, but Python rejects decimal ones of more than 4,300 digits.
            return value if -(1 << 63) <= value < 1 << 63 else {'t': 'int', 'v': '%x' % value}
        if isinstance(value, str) and not is_enum(value):
            return value
        if self.depth >= MAX_DEPTH:
            raise TooDeep
        self.depth += 1
        try:
            if self.depth > 1:
                return self.encode_more(value, kind)
            with room():
                return self.encode_more(value, kind)
        except TooDeep:
            if self.depth > 1:
                raise
        finally:
            self.depth -= 1
        # Raise here, because a traceback from the innermost level would have thousands of lines.
        raise OverflowError('a value nested more than %d deep cannot cross' % MAX_DEPTH)

    def encode_more(self, value, kind):
        if isinstance(value, float) and not is_enum(value):
            return float.__float__(value) if math.isfinite(value) else {'t': 'float', 'v': repr(float.__float__(value))}
        if kind is list or (isinstance(value, list)):
            return [self.encode(item) for item in list.__iter__(value)]
        if isinstance(value, tuple):
            items = [self.encode(item) for item in tuple.__iter__(value)]
            fields = getattr(kind, '_fields', None)
            if kind is not tuple and isinstance(fields, tuple) and len(fields) == len(items):
                return {'t': 'named', 'n': kind.__name__, 'f': list(fields), 'v': items}
            return {'t': 'tuple', 'v': items}
        if isinstance(value, dict):
            return {'t': 'dict', 'v': [[self.encode(k), self.encode(v)] for k, v in dict.items(value)]}
        if isinstance(value, (set, frozenset)):
            name = 'set' if isinstance(value, set) else 'frozenset'
            return {'t': name, 'v': [self.encode(item) for item in value]}
        if isinstance(value, (bytes, bytearray)):
            name = 'bytes' if isinstance(value, bytes) else 'bytearray'
            return {'t': name, 'v': base64.b64encode(bytes(value)).decode('ascii')}
        if kind is complex:
            return {'t': 'complex', 'v': [self.encode(value.real), self.encode(value.imag)]}
        if kind is range:
            return {'t': 'range', 'v': [self.encode(n) for n in (value.start, value.stop, value.step)]}
        if kind.__module__ == 'decimal' and kind.__name__ == 'Decimal':
            return {'t': 'Decimal', 'v': str(value)}
        if kind.__module__ == 'fractions' and kind.__name__ == 'Fraction':
            return {'t': 'Fraction', 'v': [self.encode(value.numerator), self.encode(value.denominator)]}
        if kind.__module__ == 'datetime' and kind.__name__ in ('date', 'datetime', 'time'):
            return {'t': kind.__name__, 'v': value.isoformat()}
        if kind.__module__ == 'datetime' and kind.__name__ == 'timedelta':
            return {'t': 'timedelta', 'v': [value.days, value.seconds, value.microseconds]}
        if kind.__module__ == 'numpy':
            if kind.__name__ == 'ndarray' and value.dtype.kind in 'biufc':
                return {'t': 'ndarray', 'd': str(value.dtype), 'v': self.encode(value.tolist())}
            if getattr(value, 'ndim', None) == 0 and hasattr(value, 'item'):
                return self.encode(value.item())
        return self.encode_other(value)

    def decode(self, value):
        if type(value) not in (list, dict):
            return value
        if self.depth:
            return self.decode_more(value)
        self.depth += 1
        try:
            with room():
                return self.decode_more(value)
        finally:
            self.depth -= 1

    def decode_more(self, value):
        if type(value) is list:
            return [self.decode(item) for item in value]
        tag, inner = value.get('t'), value.get('v')
        if tag == 'tuple':
            return tuple(self.decode(inner))
        if tag == 'named':
            import collections
            return collections.namedtuple(str(value['n']), [str(f) for f in value['f']], rename=True)(*self.decode(inner))
        if tag == 'dict':
            return {self.decode(k): self.decode(v) for k, v in inner}
        if tag in ('set', 'frozenset'):
            return (set if tag == 'set' else frozenset)(self.decode(inner))
        if tag in ('bytes', 'bytearray'):
            return (bytes if tag == 'bytes' else bytearray)(base64.b64decode(inner))
        if tag == 'int':
            return int(inner, 16)
        if tag == 'float':
            return float(inner)
        if tag == 'complex':
            return complex(*self.decode(inner))
        if tag == 'range':
            return range(*self.decode(inner))
        if tag == 'Decimal':
            import decimal
            return decimal.Decimal(inner)
        if tag == 'Fraction':
            import fractions
            return fractions.Fraction(*self.decode(inner))
        if tag in ('date', 'datetime', 'time'):
            import datetime
            return getattr(datetime, tag).fromisoformat(inner)
        if tag == 'timedelta':
            import datetime
            return datetime.timedelta(*inner)
        if tag == 'ndarray':
            import numpy
            return numpy.array(self.decode(inner), dtype=str(value['d']))
        return self.decode_other(value)


def is_enum(value):
    enum = sys.modules.get('enum')
    return enum is not None and isinstance(value, enum.Enum)


def own_pipe():
    """Reserves stdin and stdout for the protocol, and redirects the program's own input and output."""
    reader = os.fdopen(os.dup(0), 'rb')
    writer = os.fdopen(os.dup(1), 'wb')
    nothing = os.open('/dev/null', os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return reader, writer
