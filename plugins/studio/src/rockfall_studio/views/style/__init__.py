"""Style: a photograph through trained styles in turn; and models that paint it anew.

Trained styles are what has the capability `stylizes`: runs, and what it names as ready.
Painters are models that learn from one picture and have the capability `paints`; those that have
`restyles` too take a second picture, by the setting `style`.
"""

from rockfall_studio.views.style import painters, photographs, styles

__all__ = ["painters", "photographs", "styles"]
