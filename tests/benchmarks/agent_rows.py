"""What `agent_scores` measures: each row is `rockfall train` of an agent by its preset."""

from __future__ import annotations

from tests.benchmarks.kept_trials import Group, Row

DISCRETE = ("pqn", "reinforce", "dqn", "ppo", "a2c")
CONTINUOUS = ("sac", "td3", "ppo", "reinforce")
SIZES = (8, 16, 32)


def rocks(size: int) -> Group:
    """Of 32 × 32, where a run takes minutes, three seeds; and convolutions take long."""
    source = f"falling-rocks-{size}x{size}"
    rows = [Row(model=agent, source=source, seeds=5 if size < 32 else 3) for agent in DISCRETE]
    if size < 32:  # where pqn's own preset plans
        rows.append(Row(model="pqn", source=source, preset="planning", seeds=3))
        conv = {"network": "conv"}
        rows += [Row(model=agent, source=source, settings=conv, seeds=1) for agent in DISCRETE]
    return Group(
        title=f"Falling rocks {size} × {size}: what every agent reaches",
        goal="% of the oracle",
        rows=rows,
    )


def classic(source: str, goal: str, agents: tuple[str, ...] = DISCRETE, *, seeds: int = 3) -> Group:
    return Group(
        title=f"{source}: what every agent reaches",
        goal=goal,
        rows=[Row(model=agent, source=source, seeds=seeds) for agent in agents],
    )


GROUPS: dict[str, Group] = {
    **{f"rocks-{size}": rocks(size) for size in SIZES},
    "partial-sight": Group(
        title="Falling rocks 8 × 8, the rocks of two rows in sight: with memory and without",
        goal="% of the oracle",
        rows=[
            Row(
                model=agent,
                source="falling-rocks-8x8",
                settings={"memory": memory} if memory != "none" else {},
                options={"visible": 2},
                seeds=1,
            )
            for agent in ("pqn", "reinforce")
            for memory in ("none", "gru", "lstm")
        ],
    ),
    "drifting": Group(
        title="Drifting rocks, nine thrusts: what is reached in a minute or two",
        goal="random reaches 0.3 beacons, steering straight for them 5.2, the planner 21.7",
        rows=[Row(model="pqn", source="drifting-rocks-discrete", seeds=3)],
    ),
    "cartpole": classic("CartPole-v1", "500 is all", seeds=5),
    "acrobot": classic("Acrobot-v1", "−100 is solved"),
    "lunarlander": classic("LunarLander-v3", "200 is solved"),
    "pendulum": classic("Pendulum-v1", "at least −200", CONTINUOUS),
    "breakout": Group(
        title="MinAtar Breakout",
        rows=[Row(model="pqn", source="MinAtar/Breakout-v1", seeds=3)],
    ),
}
