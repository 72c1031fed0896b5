"""The plugin keeps Rockfall's promises, and its environment's rules are what they should be."""

import gymnasium

from rockfall.testing import check_plugin

ENV_ID = "rockfall_hello:rockfall_hello/Hello-v0"
"""The module to import, which registers it, and the id."""


def test_conforms() -> None:
    check_plugin("rockfall-hello")


def test_a_return_is_minus_the_number_of_steps_to_the_flag() -> None:
    env = gymnasium.make(ENV_ID, size=20)
    for seed in range(20):
        (walker, flag), _ = env.reset(seed=seed)
        score, over = 0.0, False
        while not over:
            (_, now), reward, over, _, _ = env.step(int(flag > walker))
            assert now == flag
            score += float(reward)
        assert score == -abs(flag - walker)


def test_an_episode_is_truncated() -> None:
    env = gymnasium.make(ENV_ID)
    (walker, flag), _ = env.reset(seed=0)
    away = int(flag < walker)
    ends = [env.step(away)[2:4] for _ in range(100)]
    assert ends == [(False, False)] * 99 + [(False, True)]
