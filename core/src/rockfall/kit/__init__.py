"""What plugins share, and any program may use: pictures, drawing, downloads, weights and more.

Nothing here knows models, sources or runs: of Rockfall it imports `rockfall.errors` alone.
"""
