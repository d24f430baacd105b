"""What every kind of member must keep."""

import numpy as np
import pytest
from kinds import CHANNELS, CONFIGS, EXPECTING, fitted, rows, windows
from pydantic import TypeAdapter

from detector.members.base import in_blocks
from detector.members.recipe import MemberRecipe

every_kind = pytest.mark.parametrize("name", CONFIGS)


@every_kind
def test_values_are_finite_and_never_negative(name):
    member, seen = fitted(name), windows(name)
    look = in_blocks(member.look, seen, None)
    assert look.values.shape == (len(seen), len(member.outputs))
    assert np.isfinite(look.values).all()
    assert (look.values >= 0).all()
    if look.terms is not None:
        assert look.terms.shape == (len(seen), CHANNELS)
        assert (look.terms >= 0).all()


@every_kind
def test_a_window_that_breaks_the_pattern_scores_higher(name):
    broken = windows(name).copy()
    broken[:, -5:, 0] = 3 * np.where(np.arange(5) % 2, 1, -1)
    normal, odd = (in_blocks(fitted(name).look, w, None).values for w in (windows(name), broken))
    assert (np.median(odd, axis=0) > np.quantile(normal, 0.95, axis=0)).all()


@every_kind
@pytest.mark.parametrize("count", [1, 63, 64, 65, 150])
def test_scores_do_not_depend_on_the_batch(name, count):
    seen = windows(name)
    whole = in_blocks(fitted(name).look, seen, None)
    part = in_blocks(fitted(name).look, seen[-count:], None)
    np.testing.assert_array_equal(part.values, whole.values[-count:])
    if whole.terms is not None:
        np.testing.assert_array_equal(part.terms, whole.terms[-count:])


@every_kind
def test_scores_do_not_depend_on_the_place_in_the_batch(name):
    seen = windows(name, 640)
    order = np.random.default_rng(0).permutation(len(seen))
    plain, mixed = (in_blocks(fitted(name).look, w, None).values for w in (seen, seen[order]))
    np.testing.assert_array_equal(mixed, plain[order])


@every_kind
def test_gaps_of_one_window_do_not_touch_its_neighbours(name):
    seen = windows(name)
    observed = np.ones(seen.shape, bool)
    observed[7] = False
    plain, beside = (in_blocks(fitted(name).look, seen, o).values for o in (None, observed))
    others = np.arange(len(seen)) != 7
    np.testing.assert_array_equal(beside[others], plain[others])


@pytest.mark.parametrize("name", EXPECTING)
def test_masked_elements_do_not_feed_the_error(name):
    seen = windows(name)
    observed = np.ones(seen.shape, bool)
    observed[:, :, 1] = False
    assert not in_blocks(fitted(name).look, seen, observed).terms[:, 1].any()


@every_kind
def test_restored_from_its_tensors_it_says_the_same(name):
    member, seen = fitted(name), windows(name)
    tensors = {key: np.array(tensor) for key, tensor in member.tensors().items()}
    recipe = TypeAdapter(MemberRecipe).validate_python(member.config.model_dump(mode="json"))
    again = recipe.restore(tensors, CHANNELS)
    assert (again.name, again.window, again.stride) == (member.name, member.window, member.stride)
    np.testing.assert_array_equal(in_blocks(again.look, seen, None).values, in_blocks(member.look, seen, None).values)


@every_kind
def test_refitted_it_keeps_its_scale_and_its_sight(name):
    again = fitted(name).refit([rows(400, 5)])
    assert np.isfinite(in_blocks(again.look, windows(name), None).values).all()
    scale = again.tensors().get("scale")
    if scale is not None:
        np.testing.assert_array_equal(scale, fitted(name).tensors()["scale"])


@every_kind
def test_expectations_have_the_shape_of_the_windows(name):
    seen = windows(name)[:64]
    found = fitted(name).expect(seen, np.ones(seen.shape, bool))
    assert (found is not None) == (name in EXPECTING)
    assert found is None or (found.shape == seen.shape and np.isfinite(found).all())


def test_progress_ends_at_one():
    told = []
    for config in CONFIGS.values():
        told.clear()
        config.fit([rows(120, 0)], [rows(60, 1)], 0, lambda step, share: told.append((step, share)))
        assert told[-1] == (config.name, 1.0)
        assert all(0 <= share <= 1 for _, share in told)
