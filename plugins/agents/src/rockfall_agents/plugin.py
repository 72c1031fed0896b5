"""The table of contents: the agents' names, and where their classes are."""

from functools import partial

from rockfall.plugin import Register, hookimpl

rockfall_api = 1

DISCRETE = ("discrete-actions",)
EVERY = (*DISCRETE, "multi-discrete-actions", "multi-binary-actions", "continuous-actions")
"""What policy gradients take; Q-learning has a number for each of a few actions."""


@hookimpl
def rockfall_register(register: Register) -> None:
    register.source_opener(
        name="families",
        summary="an id of a family of environments, such as Atari, as is usual for it",
        target="rockfall_agents.families:open_known",
        suits="rockfall_agents.families:preset_for",
        order=15,
    )
    agent = partial(
        register.model,
        default_source="falling-rocks-8x8",
        capabilities=("acts", "layered"),
    )
    agent(
        name="reinforce",
        learns_from=EVERY,
        summary="REINFORCE with baseline: policy gradients, with GAE and PPO's clip as options",
        target="rockfall_agents.reinforce:Reinforce",
        reference="Williams 1992, Simple statistical gradient-following algorithms",
        renamed={
            "norm": "layer_norm",
            "rollout": "rollout_steps",
            "baseline_error": "value_loss",
            "return": "score",
        },
    )
    agent(
        name="pqn",
        learns_from=DISCRETE,
        summary="Parallelised Q-Network (PQN): Q(λ) without replay or target network; fast",
        target="rockfall_agents.pqn:Pqn",
        reference="Gallici et al. 2024, Simplifying Deep Temporal Difference Learning",
        renamed={
            "norm": "layer_norm",
            "rollout": "rollout_steps",
            "explore": "exploration_fraction",
            "averaging": "ema",
            "value": "q_values",
            "return": "score",
        },
    )
    agent(
        name="dqn",
        learns_from=DISCRETE,
        summary="Deep Q-Network (DQN): Q-learning from a replay buffer, with a target network",
        target="rockfall_agents.dqn:Dqn",
        reference="Mnih et al. 2015, Human-level control through deep reinforcement learning",
        renamed={
            "norm": "layer_norm",
            "collect": "train_freq",
            "updates": "gradient_steps",
            "replay": "buffer_size",
            "warm_up": "learning_starts",
            "target": "target_update_interval",
            "explore": "exploration_fraction",
            "max_norm": "max_grad_norm",
            "return": "score",
        },
    )
    actor_critic = partial(
        agent,
        learns_from=EVERY,
        renamed={
            "norm": "layer_norm",
            "rollout": "rollout_steps",
            "max_norm": "max_grad_norm",
            "loss": "policy_loss",
            "return": "score",
        },
    )
    actor_critic(
        name="ppo",
        summary="proximal policy optimisation (PPO): clipped policy gradients in several epochs",
        target="rockfall_agents.ppo:Ppo",
        reference="Schulman et al. 2017, Proximal Policy Optimization Algorithms",
    )
    actor_critic(
        name="a2c",
        summary="advantage actor–critic (A2C): one policy gradient for each short rollout",
        target="rockfall_agents.a2c:A2c",
        reference="Mnih et al. 2016, Asynchronous Methods for Deep Reinforcement Learning",
    )
    continuous = partial(agent, learns_from=("continuous-actions",), default_source="Pendulum-v1")
    continuous(
        name="sac",
        summary="soft actor–critic (SAC): off-policy, rewarded for entropy; continuous actions",
        target="rockfall_agents.sac:Sac",
        reference="Haarnoja et al. 2018, Soft Actor-Critic Algorithms and Applications",
    )
    continuous(
        name="td3",
        summary="twin delayed DDPG (TD3): off-policy, a deterministic actor; continuous actions",
        target="rockfall_agents.td3:Td3",
        reference="Fujimoto et al. 2018, Addressing Function Approximation Error in Actor-Critic",
    )
