"""What frozen dataclasses do, without compiling six methods for each class.

There are some 350 declared classes; ``dataclass(frozen=True)`` takes most of a millisecond for each, a third of
the time in which the whole command line starts. The methods here are written once and closed over the fields.
"""

from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError, dataclass, fields
from operator import attrgetter
from typing import TypeVar, cast

_C = TypeVar("_C")


def value_class(cls: type[_C]) -> type[_C]:
    """Make a class with annotated fields a slotted, immutable, keyword-only value; ``dataclasses.replace`` works."""
    declared = dataclass(init=False, repr=False, eq=False, slots=True, kw_only=True)(cls)
    items = fields(cast("type", declared))
    names = tuple(item.name for item in items)
    methods: dict[str, object] = {
        "__init__": _initialiser(
            declared, names, {item.name: item.default for item in items if item.default is not MISSING}
        ),
        "__repr__": _representation(tuple(item.name for item in items if item.repr)),
        "__setattr__": _refuse_to_set,
        "__delattr__": _refuse_to_delete,
        **_comparison(names),
    }
    for name, method in methods.items():
        setattr(declared, name, method)
    return declared


def _initialiser(cls: type, names: tuple[str, ...], defaults: dict[str, object]) -> Callable[..., None]:
    setters = tuple((name, cls.__dict__[name].__set__) for name in names)

    def __init__(self: object, **values: object) -> None:  # noqa: N807  (it becomes that method)
        for name, setter in setters:
            if name in values:
                setter(self, values.pop(name))
            elif name in defaults:
                setter(self, defaults[name])
            else:
                raise TypeError(f"{cls.__name__} lacks {name}")
        if values:
            raise TypeError(f"{cls.__name__} has no {', '.join(values)}")

    return __init__


def _representation(names: tuple[str, ...]) -> Callable[[object], str]:
    def __repr__(self: object) -> str:  # noqa: N807
        return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"

    return __repr__


def _comparison(names: tuple[str, ...]) -> dict[str, object]:
    values_of: Callable[[object], object] = attrgetter(*names) if names else lambda _: ()

    def __eq__(self: object, other: object) -> bool:  # noqa: N807
        if other.__class__ is not self.__class__:
            return NotImplemented
        return values_of(self) == values_of(other)

    def __hash__(self: object) -> int:  # noqa: N807
        return hash(values_of(self))

    def __reduce__(self: object) -> tuple[object, ...]:  # noqa: N807
        return _rebuild, (type(self), {name: getattr(self, name) for name in names})

    return {"__eq__": __eq__, "__hash__": __hash__, "__reduce__": __reduce__}


def _rebuild(cls: type, values: dict[str, object]) -> object:
    return cls(**values)


def _refuse_to_set(_self: object, name: str, _value: object) -> None:
    raise FrozenInstanceError(f"cannot assign to {name}")


def _refuse_to_delete(_self: object, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete {name}")
