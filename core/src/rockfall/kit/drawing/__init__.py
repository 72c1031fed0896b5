"""Drawing with Pillow from plain arrays: pages, sheets, tiles, charts."""
