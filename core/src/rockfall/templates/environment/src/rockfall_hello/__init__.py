"""Walk to the flag, a Gymnasium environment. Start at `hello.py`.

Importing it registers ``rockfall_hello/Hello-v0``.
"""

import gymnasium

gymnasium.register(
    id="rockfall_hello/Hello-v0",
    entry_point="rockfall_hello.hello:HelloEnv",
    max_episode_steps=100,
)
