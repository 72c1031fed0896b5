"""stable-baselines3 as its users call it, with the settings of an agent of ours."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import gymnasium
from stable_baselines3 import A2C, DQN, PPO, SAC, TD3
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv

OFF_POLICY = ("train_freq", "gradient_steps", "batch_size", "buffer_size", "learning_starts")
ON_POLICY = {
    "n_steps": "rollout_steps",
    "gae_lambda": "lam",
    "vf_coef": "value_weight",
    "max_grad_norm": "max_grad_norm",
}
TARGETS = {
    "exploration_fraction": "exploration_fraction",
    "exploration_final_eps": "epsilon",
    "target_update_interval": "target_update_interval",
    "max_grad_norm": "max_grad_norm",
}
THEIRS: dict[str, tuple[Any, dict[str, str]]] = {
    "dqn": (DQN, {name: name for name in OFF_POLICY} | TARGETS),
    "ppo": (PPO, ON_POLICY | {"n_epochs": "epochs", "batch_size": "batch_size"}),
    "a2c": (A2C, ON_POLICY),
    "sac": (SAC, {name: name for name in (*OFF_POLICY, "tau", "ent_coef")}),
    "td3": (TD3, {name: name for name in (*OFF_POLICY, "tau", "policy_delay")}),
}
"""Their algorithm, and its settings by the names of ours."""


def itself(
    agent: str, model: Any, env: Callable[[int], gymnasium.Env[Any, Any]], **optimizer: Any
) -> Any:
    """The algorithm, ready to `learn`, with the weights that our model has now.

    env: makes the environment of an index. optimizer: its class and settings, by default theirs.
    """
    algorithm_class, names = THEIRS[agent]
    config = model.config
    settings = {theirs: getattr(config, ours) for theirs, ours in names.items()}
    if agent == "td3":
        settings["action_noise"] = model.noise()
    policy = {**model.policy_settings(), "optimizer_kwargs": {"eps": model.adam_eps}}
    if "optimizer_class" in optimizer:
        policy["optimizer_class"] = optimizer.pop("optimizer_class")
        policy["optimizer_kwargs"] |= optimizer
    algorithm = algorithm_class(
        "MlpPolicy",
        DummyVecEnv([partial(_watched, env, index) for index in range(config.envs)]),
        learning_rate=lambda remaining: config.lr * remaining,
        gamma=config.gamma,
        policy_kwargs=policy,
        device="cpu",
        **settings,
    )
    algorithm.policy.load_state_dict(model.policy.state_dict())
    return algorithm


def _watched(env: Callable[[int], gymnasium.Env[Any, Any]], index: int) -> Monitor[Any, Any]:
    return Monitor(env(index))
