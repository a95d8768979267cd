"""Figures and widgets of the tutorials; the widgets also work under Voila."""

from rsh.teaching.figures import by_protocol as by_protocol
from rsh.teaching.figures import codes as codes
from rsh.teaching.figures import examples as examples
from rsh.teaching.figures import histogram as histogram
from rsh.teaching.figures import pairs as pairs
from rsh.teaching.figures import ranking as ranking
from rsh.teaching.figures import scatter as scatter
from rsh.teaching.figures import split_maps as split_maps
from rsh.teaching.figures import steps as steps
