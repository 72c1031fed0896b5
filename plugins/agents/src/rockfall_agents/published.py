"""Scores of others: what a professional, and stable-baselines3, reached in a game.

Atari: mean scores of random play and of a human games tester, as in Mnih et al. 2015, "Human-level
control through deep reinforcement learning", Nature 518, extended to 57 games by Wang et al. 2016;
as listed in google-deepmind/dqn_zoo, `dqn_zoo/atari_data.py`. Of these two, human-normalised is
(score − random) ÷ (human − random).

The others: `benchmark.md` of DLR-RM/rl-baselines3-zoo: mean returns of one trained agent each, on
the version of the environment that is named where it is not the same one.
"""

from __future__ import annotations

from collections.abc import Mapping

ATARI: Mapping[str, tuple[float, float]] = {
    "alien": (227.8, 7127.7),
    "amidar": (5.8, 1719.5),
    "assault": (222.4, 742.0),
    "asterix": (210.0, 8503.3),
    "asteroids": (719.1, 47388.7),
    "atlantis": (12850.0, 29028.1),
    "bank_heist": (14.2, 753.1),
    "battle_zone": (2360.0, 37187.5),
    "beam_rider": (363.9, 16926.5),
    "berzerk": (123.7, 2630.4),
    "bowling": (23.1, 160.7),
    "boxing": (0.1, 12.1),
    "breakout": (1.7, 30.5),
    "centipede": (2090.9, 12017.0),
    "chopper_command": (811.0, 7387.8),
    "crazy_climber": (10780.5, 35829.4),
    "defender": (2874.5, 18688.9),
    "demon_attack": (152.1, 1971.0),
    "double_dunk": (-18.6, -16.4),
    "enduro": (0.0, 860.5),
    "fishing_derby": (-91.7, -38.7),
    "freeway": (0.0, 29.6),
    "frostbite": (65.2, 4334.7),
    "gopher": (257.6, 2412.5),
    "gravitar": (173.0, 3351.4),
    "hero": (1027.0, 30826.4),
    "ice_hockey": (-11.2, 0.9),
    "jamesbond": (29.0, 302.8),
    "kangaroo": (52.0, 3035.0),
    "krull": (1598.0, 2665.5),
    "kung_fu_master": (258.5, 22736.3),
    "montezuma_revenge": (0.0, 4753.3),
    "ms_pacman": (307.3, 6951.6),
    "name_this_game": (2292.3, 8049.0),
    "phoenix": (761.4, 7242.6),
    "pitfall": (-229.4, 6463.7),
    "pong": (-20.7, 14.6),
    "private_eye": (24.9, 69571.3),
    "qbert": (163.9, 13455.0),
    "riverraid": (1338.5, 17118.0),
    "road_runner": (11.5, 7845.0),
    "robotank": (2.2, 11.9),
    "seaquest": (68.4, 42054.7),
    "skiing": (-17098.1, -4336.9),
    "solaris": (1236.3, 12326.7),
    "space_invaders": (148.0, 1668.7),
    "star_gunner": (664.0, 10250.0),
    "surround": (-10.0, 6.5),
    "tennis": (-23.8, -8.3),
    "time_pilot": (3568.0, 5229.2),
    "tutankham": (11.4, 167.6),
    "up_n_down": (533.4, 11693.2),
    "venture": (0.0, 1187.5),
    "video_pinball": (16256.9, 17667.9),
    "wizard_of_wor": (563.5, 4756.5),
    "yars_revenge": (3092.9, 54576.9),
    "zaxxon": (32.5, 9173.3),
}
"""A game of ALE → random play, and a professional."""

ZOO: Mapping[str, Mapping[str, float]] = {
    "Acrobot-v1": {"zoo a2c": -83.353, "zoo dqn": -76.639, "zoo ppo": -73.506},
    "BipedalWalker-v3": {
        "zoo a2c": 299.754,
        "zoo ppo": 213.299,
        "zoo sac": 297.668,
        "zoo td3": 305.990,
    },
    "CartPole-v1": {"zoo a2c": 500.0, "zoo dqn": 500.0, "zoo ppo": 500.0},
    "LunarLander-v3": {
        "zoo a2c (v2)": 155.751,
        "zoo dqn (v2)": 154.382,
        "zoo ppo (v2)": 242.119,
    },
    "LunarLanderContinuous-v3": {
        "zoo a2c (v2)": 84.225,
        "zoo ppo (v2)": 270.863,
        "zoo sac (v2)": 260.390,
        "zoo td3 (v2)": 207.451,
    },
    "MountainCar-v0": {"zoo a2c": -111.263, "zoo dqn": -100.849, "zoo ppo": -110.423},
    "MountainCarContinuous-v0": {
        "zoo a2c": 91.166,
        "zoo ppo": 88.343,
        "zoo sac": 94.679,
        "zoo td3": 93.483,
    },
    "Pendulum-v1": {
        "zoo a2c": -162.965,
        "zoo ppo": -172.225,
        "zoo sac": -156.995,
        "zoo td3": -151.855,
    },
}
"""An environment → agents that were trained on it."""


def published_scores(gymnasium_id: str) -> dict[str, float]:
    """By whom → the mean return."""
    scores = dict(ZOO.get(gymnasium_id, {}))
    for game, (random, human) in ATARI.items():
        if gymnasium_id.lower() == f"ale/{game.replace('_', '')}-v5":
            scores |= {"human": human, "random, published": random}
    return scores
