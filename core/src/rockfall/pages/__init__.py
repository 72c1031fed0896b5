"""The pages that the verbs about runs and sources show: their lines, and their pictures."""
