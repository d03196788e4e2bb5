import io

import numpy as np
from PIL import Image

from foretaste.data import Batch
from foretaste.encoders.pixels import Pixels, Sizes


def encoded(array, kind="PNG"):
    out = io.BytesIO()
    Image.fromarray(array).save(out, kind)
    return out.getvalue()


def pixels_of(files, **settings):
    rows = Batch([f"{i}" for i in range(len(files))], {"image": np.array(files, dtype=object)})
    method = Pixels(**settings)
    return method.encode(rows, method.fit(method.summarize(rows)))["pixels"]


def test_images_of_one_small_size_keep_every_pixel():
    images = np.random.default_rng(0).integers(0, 256, (3, 5, 7, 3), np.uint8)
    assert (pixels_of([encoded(image) for image in images]) == images).all()


def test_grey_images_have_one_channel_until_a_coloured_one_comes():
    grey = encoded(np.full((4, 4), 9, np.uint8))
    colour = encoded(np.full((4, 4, 3), 9, np.uint8))
    assert pixels_of([grey, grey]).shape == (2, 4, 4, 1)
    assert pixels_of([grey, colour]).shape == (2, 4, 4, 3)


def test_large_and_mixed_images_are_fitted_to_one_small_size():
    files = [encoded(np.full((h, w, 3), 9, np.uint8), "JPEG") for h, w in ((200, 100), (50, 80))]
    pixels = pixels_of(files)
    assert pixels.shape == (2, 64, 32, 3)
    assert (abs(pixels.astype(int) - 9) < 3).all()


def test_what_cannot_be_decoded_is_black_and_stops_nobody():
    fine = encoded(np.full((4, 4), 9, np.uint8))
    pixels = pixels_of([fine, b"not an image", fine[:40]])
    assert pixels.shape == (3, 4, 4, 1)
    assert pixels[0].all()
    assert not pixels[1:].any()


def test_a_tensor_larger_than_allowed_is_shrunk():
    rows = Batch(["a"], {"image": np.full((1, 128, 128, 2), 7, np.uint8)})
    method = Pixels(largest_side=16)
    pixels = method.encode(rows, method.fit(method.summarize(rows)))["pixels"]
    assert pixels.shape == (1, 16, 16, 2)
    assert (pixels == 7).all()


def test_sizes_merge_in_any_order():
    one, two = Sizes.of([(3, 9, 1)]), Sizes.of([(5, 4, 3)])
    assert one.merge(two) == two.merge(one) == Sizes((3, 4, 1), (5, 9, 3))
    assert Sizes().merge(one) == one.merge(Sizes()) == one


def test_grey_tensors_that_are_shrunk_keep_their_shape():
    rows = Batch(range(3), {"image": np.zeros((3, 12, 12), np.uint8)})
    assert Pixels().encode(rows, (6, 6, 1))["pixels"].shape == (3, 6, 6, 1)
