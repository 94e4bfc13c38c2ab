"""Work of an operator on the keys of sealed values: change them, seal anew, destroy."""
