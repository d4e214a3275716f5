"""Types for tests: one of each kind, and a strategy for any."""

from hypothesis import strategies as st

from harness.codec.cql.types import (
    CqlType,
    ListType,
    MapType,
    ScalarType,
    SetType,
    TupleType,
    UserType,
)

PACKAGE = "org.apache.cassandra.db.marshal."
ADDRESS = UserType("demo2", "addr", (("street", ScalarType.TEXT), ("zip", ScalarType.INT)))


SCALARS = st.sampled_from([scalar for scalar in ScalarType if scalar is not ScalarType.EMPTY])
NAMES = st.text(min_size=1, max_size=5)


def _compound(inner: st.SearchStrategy[CqlType]) -> st.SearchStrategy[CqlType]:
    fields = st.lists(st.tuples(NAMES, inner), max_size=3).map(tuple)
    return st.one_of(
        inner.map(ListType),
        inner.map(SetType),
        st.builds(MapType, inner, inner),
        st.lists(inner, min_size=1, max_size=3).map(lambda types: TupleType(tuple(types))),
        st.builds(UserType, st.sampled_from(["ks", "demo"]), NAMES, fields),
    )


TYPES: st.SearchStrategy[CqlType] = st.recursive(SCALARS, _compound, max_leaves=6)
