"""The table of contents: agent names and where they are made."""

from functools import partial

from rockfall.plugin import Register, hookimpl

rockfall_api = 1


@hookimpl
def rockfall_register(register: Register) -> None:
    agent = partial(
        register.model,
        learns_from=("discrete-actions",),
        default_source="falling-rocks-8x8",
        capabilities=("acts",),
    )
    agent(
        name="reinforce",
        summary="policy gradients: do more of what went better than expected",
        target="rockfall_agents.reinforce:Reinforce",
        reference="Williams 1992, Simple statistical gradient-following algorithms",
    )
    agent(
        name="pqn",
        summary="Q(λ) on many environments at once, no replay, no target network",
        target="rockfall_agents.pqn:Pqn",
        reference="Gallici et al. 2024, Simplifying Deep Temporal Difference Learning",
    )
    agent(
        name="dqn",
        summary="Q-learning from a memory of what happened, with a target network",
        target="rockfall_agents.dqn:Dqn",
        reference="Mnih et al. 2015, Human-level control through deep reinforcement learning",
    )
    agent(
        name="ppo",
        summary="policy gradients in clipped steps, several on the same experience",
        target="rockfall_agents.ppo:Ppo",
        reference="Schulman et al. 2017, Proximal Policy Optimization Algorithms",
    )
    agent(
        name="a2c",
        summary="an actor and the critic that tells it what went better than expected",
        target="rockfall_agents.a2c:A2c",
        reference="Mnih et al. 2016, Asynchronous Methods for Deep Reinforcement Learning",
    )
