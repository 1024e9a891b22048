# Proxies in the judge's process for objects of the code under test. Each operation on a proxy is a request to that
# code. Operations whose answer would decide a comparison are computed here, or refused.
import types


class Gone(BaseException):
    """The code under test ended, or broke the protocol. Not an Exception, so that 'except Exception' in a test does not catch it."""


class Foreign(Exception):
    """An error of the code under test whose class is unknown here."""

    def __str__(self):
        return self.__dict__.get('_ripcord_text') or super().__str__()

    def __getattr__(self, name):
        error = self.__dict__.get('_ripcord_error')
        if error is None or name.startswith('_'):
            raise AttributeError(name)
        return ask(error, 'builtins.getattr', error, name)


def ask(remote, op, *args):
    return judge_of(remote).request(op, args)


def judge_of(remote):
    return object.__getattribute__(remote, '_ripcord')[0]


def number_of(remote):
    return object.__getattribute__(remote, '_ripcord')[1]


def text(value):
    return value if type(value) is str else '<no text>'


# Methods that receive the value that a test expects. Python's own strings and sets have them.
COMPARING = ('startswith', 'endswith', 'issubset', 'issuperset', 'isdisjoint')


class Remote:
    """An object of the code under test that cannot be sent as data."""

    def __init__(self, judge, number):
        object.__setattr__(self, '_ripcord', (judge, number))

    def __getattr__(self, name):
        if name.startswith('__') and name.endswith('__') and name not in ('__name__', '__doc__', '__qualname__', '__dict__', '__version__'):
            raise AttributeError(name)
        if name in COMPARING and not judge_of(self).made(self):
            raise TypeError('an object of the code under test is neither text nor a set: it must not decide %s' % name)
        return judge_of(self).attribute(self, name)

    def __setattr__(self, name, value):
        ask(self, 'builtins.setattr', self, name, value)

    def __delattr__(self, name):
        ask(self, 'builtins.delattr', self, name)

    def __call__(self, *args, **kw):
        return judge_of(self).call(self, args, kw)

    # Equality with data is decided here, by the type of the data: an object that claims to be equal to everything is
    # equal to nothing. Order is refused for the same reason.
    def __eq__(self, other):
        if self is other:
            return True
        if isinstance(other, Opaque):
            return other == self
        return isinstance(other, Remote) and ask(self, 'operator.eq', self, other) is True

    def __ne__(self, other):
        return not self == other

    __hash__ = object.__hash__

    def __bool__(self):
        return ask(self, 'operator.truth', self) is True

    def __len__(self):
        return judge_of(self).length(self)

    def __iter__(self):
        promised = judge_of(self).promised(self)
        iterator = ask(self, 'builtins.iter', self)
        if iterator is self:
            return self
        return items(iterator, promised) if promised is not None else iterator if isinstance(iterator, Remote) else iter(iterator)

    def __next__(self):
        return ask(self, 'builtins.next', self)

    def __contains__(self, item):
        # An 'in' request reveals the expected item. It is sent only to objects that the tests made; other objects list
        # their items.
        if judge_of(self).made(self):
            return ask(self, 'operator.contains', self, item) is True
        return any(held is item or held == item for held in iter(self))

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

    # numpy would make an array of any items the object reports, and call its methods for numpy functions.
    __array_ufunc__ = None

    def __array__(self, *_, **__):
        raise TypeError('an object of the code under test is not an array')


def items(iterator, promised):
    """Yields the items, and checks that their number matches the reported length: 'len(x) == 2 and all(… for a, b in zip(x, y))'."""
    count = 0
    for item in iterator:
        count += 1
        yield item
    if count != promised:
        raise TypeError('an object of the code under test reports %d items and yields %d' % (promised, count))


NO_NUMBER = 'an object of the code under test is not a number'


class Derived(Remote):
    """The result of arithmetic with data of the tests, for an object that the tests made from a class of the code."""

    def __init__(self, remote):
        object.__setattr__(self, '_ripcord', object.__getattribute__(remote, '_ripcord'))

    def __bool__(self):
        raise TypeError(NO_NUMBER)


class Opaque(Derived):
    """
    The same for an object that a function returned. If a test treats it as a number, an array or a date, the object
    itself would decide the test, as in 'abs(f(x) - 5).max() < 1e-6'.
    """

    def __repr__(self):
        return '<computed by an object of the code under test>'

    __hash__ = object.__hash__


def refuse(self, *_, **__):
    raise TypeError(
        'an object that a function of the code under test returned was used in arithmetic with data of the tests: the '
        'result must not decide a test. Compare a value, or make the object from its class in the test'
    )


for _name in ('getattr', 'setattr', 'delattr', 'call', 'eq', 'ne', 'bool', 'len', 'iter', 'next', 'contains', 'getitem',
              'setitem', 'delitem', 'str', 'format', 'enter', 'exit', 'lt', 'le', 'gt', 'ge'):
    setattr(Opaque, '__%s__' % _name, refuse)


def computed(op, *operands):
    """Computes with objects and data of the tests. The result is never data: the object would decide 'abs(f(x) - 0.5) < 1e-6'."""
    if any(type(o).__name__ == 'ndarray' for o in operands):
        raise TypeError('objects of the code under test cannot be used in numpy arithmetic')
    remotes = [o for o in operands if isinstance(o, Remote)]
    judge = judge_of(remotes[0])
    made = all(judge.made(o) for o in remotes)
    before = judge.asked
    result = ask(remotes[0], 'operator.' + op, *operands)
    if all(type(o) is Remote for o in operands):
        return judge.make(result, before) if made else result
    if not isinstance(result, Remote):
        raise TypeError(NO_NUMBER)
    return Derived(judge.make(result, before)) if made else Opaque(result)


def arithmetic(name, swapped):
    def method(self, other):
        return computed(name, *((other, self) if swapped else (self, other)))
    return method


for _name in ('add', 'sub', 'mul', 'truediv', 'floordiv', 'mod', 'pow', 'matmul', 'and_', 'or_', 'xor', 'lshift', 'rshift'):
    _plain = _name.rstrip('_')
    setattr(Remote, '__%s__' % _plain, arithmetic(_name, False))
    setattr(Remote, '__r%s__' % _plain, arithmetic(_name, True))
for _name in ('lt', 'le', 'gt', 'ge'):
    def _compare(self, other, _name=_name):
        if not isinstance(other, Remote) or isinstance(other, Opaque):
            raise TypeError('an object of the code under test has no order with %s' % type(other).__name__)
        return ask(self, 'operator.' + _name, self, other) is True
    setattr(Remote, '__%s__' % _name, _compare)
for _name in ('neg', 'pos', 'abs', 'invert'):
    def _unary(self, _name=_name):
        return computed(_name, self)
    setattr(Remote, '__%s__' % _name, _unary)


class Module(types.ModuleType):
    """A module of the code under test, as the tests import it."""

    def __getattr__(self, name):
        if name.startswith('__') and name not in ('__version__', '__author__'):
            raise AttributeError(name)
        return judge_of(self._ripcord_remote).named(self._ripcord_remote, name)

    def __setattr__(self, name, value):
        # The import system sets a submodule as an attribute of its package.
        if name.startswith('_') or isinstance(value, types.ModuleType):
            super().__setattr__(name, value)
        else:
            ask(self._ripcord_remote, 'builtins.setattr', self._ripcord_remote, name, value)

    def __delattr__(self, name):
        if name.startswith('_'):
            super().__delattr__(name)
        else:
            ask(self._ripcord_remote, 'builtins.delattr', self._ripcord_remote, name)
