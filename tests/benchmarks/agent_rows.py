"""What `agent_scores` measures: each row is `rockfall train` of an agent by its preset."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rockfall.config import to_text

DISCRETE = ("pqn", "reinforce", "dqn", "ppo", "a2c")
CONTINUOUS = ("sac", "td3", "ppo", "reinforce")
SIZES = (8, 16, 32)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One training. seeds: how many are measured, from 0 on; convolutions take long."""

    agent: str
    source: str
    settings: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    seeds: int = 5

    @property
    def words(self) -> str:
        """What follows `rockfall train`; a row's name too."""
        options = {f"source.{name}": value for name, value in self.options.items()}
        given = {**self.settings, **options}.items()
        return " ".join([self.agent, self.source, *(f"{k}={to_text(v)}" for k, v in given)])


@dataclass(frozen=True, kw_only=True)
class Group:
    """A table. goal: what its scores are measured against."""

    title: str
    goal: str
    rows: list[Row]


def rocks(size: int) -> Group:
    source = f"falling-rocks-{size}x{size}"
    rows = [Row(agent=agent, source=source) for agent in DISCRETE]
    conv = {"network": "conv"}
    rows += [Row(agent=agent, source=source, settings=conv, seeds=1) for agent in DISCRETE]
    return Group(
        title=f"Falling rocks {size} × {size}: what every agent reaches",
        goal="% of the oracle",
        rows=rows,
    )


def classic(source: str, goal: str, agents: tuple[str, ...] = DISCRETE) -> Group:
    return Group(
        title=f"{source}: what every agent reaches",
        goal=goal,
        rows=[Row(agent=agent, source=source) for agent in agents],
    )


GROUPS: dict[str, Group] = {
    **{f"rocks-{size}": rocks(size) for size in SIZES},
    "partial-sight": Group(
        title="Falling rocks 8 × 8, the rocks of two rows in sight: with memory and without",
        goal="% of the oracle",
        rows=[
            Row(
                agent=agent,
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
        rows=[Row(agent="pqn", source="drifting-rocks-discrete", seeds=3)],
    ),
    "cartpole": classic("CartPole-v1", "500 is all"),
    "acrobot": classic("Acrobot-v1", "−100 is solved"),
    "lunarlander": classic("LunarLander-v3", "200 is solved"),
    "pendulum": classic("Pendulum-v1", "at least −200", CONTINUOUS),
    "breakout": Group(
        title="MinAtar Breakout",
        goal="",
        rows=[Row(agent="pqn", source="MinAtar/Breakout-v1", seeds=3)],
    ),
}

ROWS: dict[str, Row] = {row.words: row for group in GROUPS.values() for row in group.rows}
