"""`paints`: paints its picture at any size."""
