import numpy as np
import pyarrow as pa

from foretaste.data import content_id
from foretaste.roles import content_ids


def ids(**columns):
    return content_ids({name: pa.array(values) for name, values in columns.items()}).to_pylist()


def test_the_id_is_that_of_names_and_values_in_fixed_order():
    one, two = ids(text=["hi", "ho"], label=["ham", None])
    assert one == content_id(b"label", b"ham", b"text", b"hi")
    assert two == content_id(b"text", b"ho")


def test_where_and_when_do_not_matter_but_each_value_does():
    first = ids(text=["hi"], label=["ham"], source=["a"], time=[1.0])
    assert first == ids(source=["b"], label=["ham"], text=["hi"])
    assert (
        len({*first, *ids(text=["hi"]), *ids(text=["ham"], label=["hi"]), *ids(text=["hiham"])})
        == 4
    )


def test_numbers_are_the_same_whatever_their_type_order_or_kind_of_nan():
    def features(**columns):
        arrays = [pa.array(values) for values in columns.values()]
        return content_ids({"features": pa.StructArray.from_arrays(arrays, list(columns))})

    odd_nan = np.frombuffer(np.uint64(0x7FF8000000000001).tobytes(), np.float64)
    one = features(a=[1.0], b=[np.nan], t=["x"])
    assert one.equals(features(t=["x"], b=odd_nan, a=[1.0]))
    assert not one.equals(features(a=[1.0], b=[0.0], t=["x"]))
    assert features(a=[0.0]).equals(features(a=[-0.0]))


def test_slices_have_the_ids_of_their_rows():
    column = pa.array([f"t{i}" for i in range(10)], pa.large_string())
    whole = content_ids({"text": column}).to_pylist()
    assert content_ids({"text": column[3:7]}).to_pylist() == whole[3:7]
    assert content_ids({"text": column[:0]}).to_pylist() == []
